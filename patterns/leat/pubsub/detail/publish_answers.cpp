#include <leat/pubsub/detail/publish_state.hpp>

#include <leat/error.hpp>
#include <leat/pubsub/detail/topic_trie.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace leat::detail {
namespace {

constexpr int most_at_once = 1000;       // subscriptions before others have their turn
constexpr std::size_t most_asks = 1000;  // that wait
constexpr std::chrono::milliseconds pulse{2};

/// A second descriptor for the same thing, so that the loop's watch can outlast the socket.
class descriptor_copy {
public:
    explicit descriptor_copy(int of) : fd_(::dup(of)) {
        if (fd_ < 0) throw error{errc::no_resources, "a publisher: no file descriptor is left"};
    }
    ~descriptor_copy() { ::close(fd_); }
    descriptor_copy(const descriptor_copy&) = delete;
    descriptor_copy& operator=(const descriptor_copy&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    int fd_;
};

}  // namespace

void publish_state::attach() {
    auto fd = std::make_shared<descriptor_copy>(fd_);
    events_->post([self = weak_from_this(), events = events_, watch = watch_, fd] {
        if (self.expired()) return;
        *watch = events->watch_fd(fd->fd(), [self, events, watch, fd] {
            const auto alive = self.lock();
            if (!alive || !alive->on_news()) events->cancel(*watch);
        });
    });
    // What was told before the watch began is found now.
    const locked lock{mutex_};
    touch();
}

/// What the loop does when libzmq has news; false when there will be no more.
bool publish_state::on_news() {
    const locked lock{mutex_};
    if (!closed_) look();
    if (pausing_ > 0) told_.raise();  // it may have been room
    return !closed_;
}

/// Reads what subscribers have said since the last time.
void publish_state::look() {
    sends_since_look_ = 0;
    message said;
    for (int i = 0; i < most_at_once; ++i) {
        if (zmq_msg_recv(said.handle(), out.handle(), ZMQ_DONTWAIT) >= 0) {
            on_subscription(said.text());
            if (pausing_ > 0) told_.raise();
        } else if (zmq_errno() != EINTR) {
            closed_ = closed_ || zmq_errno() != EAGAIN;
            return;
        }
    }
    touch();  // there may be more, and no further news of it
}

/// A byte, 1 for a subscription and 0 for its end, and the prefix. Other messages of a peer are of no
/// account.
void publish_state::on_subscription(std::string_view text) {
    if (text.empty() || static_cast<unsigned char>(text.front()) > 1) return;
    const bool begins = text.front() == 1;
    const auto prefix = text.substr(1);
    if (!is_private(prefix)) return begins ? subscriptions_.add(prefix) : subscriptions_.remove(prefix);
    if (!begins) return;
    auto asked = read_question(prefix);
    if (!asked) return;
    if (asked->probe) return answer_probe(prefix);
    if (asks_.size() >= most_asks) return answers.asks_refused.add();
    asks_.push_back(std::move(*asked));
    schedule_ask();
}

/// Without room it stays unanswered, and the subscriber probes again.
void publish_state::answer_probe(std::string_view topic) {
    if (begin(message{topic}) != status::ok) return;
    message answer{std::span<const std::byte>{trailer{publication_kind::ready, 1, id, 0, name_}.encode()}};
    if (out.send(answer, deadline::now(), 0) == status::ok) answers.probes.add();
}

void publish_state::schedule_ask() {
    if (std::exchange(answering_, true)) return;
    events_->post([self = weak_from_this()] {
        if (const auto alive = self.lock()) alive->on_ask();
    });
}

/// Answers one ask: others have their turn on the loop in between.
void publish_state::on_ask() {
    const locked lock{mutex_};
    answering_ = false;
    if (closed_ || asks_.empty()) return;
    const auto asked = std::move(asks_.front());
    asks_.pop_front();
    (answer_ask(asked) ? answers.snapshots : answers.snapshots_cut).add();
    if (!asks_.empty()) schedule_ask();
}

/// Sends the last values that are asked for, and how many they were. Nobody publishes meanwhile, so what
/// follows them is what comes after them. False when there was no room for all.
bool publish_state::answer_ask(const question& asked) {
    topic_trie wanted{asked.separator};
    for (const auto& pattern : asked.patterns) wanted.add(pattern);
    message where{values_topic(asked.one)};
    std::uint32_t count = 0;
    for (auto* topic : topics_.kept()) {
        if (!wanted.matches(topic->frame.text())) continue;
        if (begin(where.share()) != status::ok) return false;
        auto name = topic->frame.share();
        if (zmq_msg_send(name.handle(), out.handle(), ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) return false;
        auto value = topic->last_value.share();
        const trailer end{publication_kind::last_value, 1, id, topic->sequence, name_};
        if (finish(value, end) != status::ok) return false;
        ++count;
    }
    if (begin(where.share()) != status::ok) return false;
    message end{std::span<const std::byte>{trailer{publication_kind::end, count, id, 0, name_}.encode()}};
    return out.send(end, deadline::now(), 0) == status::ok;
}

/// Something was published: the loop is to look in a moment.
void publish_state::touch() {
    touched_ = true;
    if (ticking_) return;
    ticking_ = true;
    schedule_tick(batch_.bytes > 0 ? std::min<deadline::clock::duration>(pulse, batch_.delay) : pulse);
}

void publish_state::schedule_tick(deadline::clock::duration in) {
    events_->post([in, self = weak_from_this(), events = events_] {
        events->after(in, [self] {
            if (const auto alive = self.lock()) alive->on_tick();
        });
    });
}

void publish_state::on_tick() {
    const locked lock{mutex_};
    if (closed_) return;
    look();
    if (closed_) return;
    const auto next = std::min<deadline::clock::duration>(pulse, send_due_batches());
    ticking_ = std::exchange(touched_, false) || !batches_.empty();
    if (ticking_) schedule_tick(next);
}

}  // namespace leat::detail

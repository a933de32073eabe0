#include <leat/pubsub/detail/publish_state.hpp>

#include <leat/pubsub/detail/topic_trie.hpp>

#include <algorithm>
#include <cerrno>

namespace leat::detail {
namespace {

constexpr int most_at_once = 1000;        // subscriptions before others have their turn
constexpr std::size_t most_asked = 1000;  // that wait

}  // namespace

void publish_state::attach() {
    watch_ = std::make_shared<publish_watch>(weak_from_this(), *events_, fd_);
    const locked lock{mutex_};
    touch();
}

/// What the loop does when libzmq has news; false when there will be no more.
bool publish_state::on_news() {
    const locked lock{mutex_};
    if (!closed_) look();
    tell();
    return !closed_;
}

/// Wakes those who pause: what they wait for, room or a subscription, may be there.
void publish_state::tell() const noexcept {
    if (pausing_ > 0) told_.raise();
}

/// Reads what subscribers have said since the last time.
void publish_state::look() {
    sends_since_look_ = 0;
    message said;
    for (int i = 0; i < most_at_once; ++i) {
        if (zmq_msg_recv(said.handle(), out.handle(), ZMQ_DONTWAIT) >= 0) {
            on_subscription(said.text());
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
    if (!asked || (asked->publisher != 0 && asked->publisher != id)) return;
    if (asked->probe && asked_.empty()) return answer_probe(*asked);
    if (asked_.size() >= most_asked) return answers.refused.add();
    asked_.push_back(std::move(*asked));
    schedule_answer();
}

void publish_state::schedule_answer() {
    if (std::exchange(answering_, true)) return;
    events_->post([self = weak_from_this()] {
        if (const auto alive = self.lock()) alive->on_asked();
    });
}

/// Answers one ask: others have their turn on the loop in between.
void publish_state::on_asked() {
    const locked lock{mutex_};
    answering_ = false;
    if (closed_ || asked_.empty()) return;
    const auto asked = std::move(asked_.front());
    asked_.pop_front();
    if (asked.probe) {
        answer_probe(asked);
    } else {
        (answer_ask(asked) ? answers.snapshots : answers.snapshots_cut).add();
    }
    if (!asked_.empty()) schedule_answer();
}

/// Without room it stays unanswered, and the subscriber probes again.
void publish_state::answer_probe(const question& asked) {
    if (begin(message{probe_topic(asked.one)}) != status::ok) return;
    message answer{std::span<const std::byte>{trailer{publication_kind::ready, 1, id, 0, name_}.encode()}};
    if (out.send(answer, deadline::now(), 0) == status::ok) answers.probes.add();
}

/// Sends a part of the last values that are asked for, and how many they were. Nobody publishes meanwhile, so
/// what follows is what comes after them. A part fits into half of what may wait for a subscriber, and the
/// next one is asked for once it was read. False when there was no room for all.
bool publish_state::answer_ask(const question& asked) {
    topic_trie wanted{asked.separator};
    for (const auto& pattern : asked.patterns) wanted.add(pattern);
    const auto room = static_cast<std::uint32_t>(out.options().send_high_water_mark() / 2);
    const auto most = std::max(1u, room == 0 ? asked.most : std::min(asked.most, room));
    message where{values_topic(asked.one)};
    trailer end{publication_kind::end, 0, id, asked.from, name_};
    for (const auto& [stamp, topic] : topics_.kept_after(asked.from)) {
        if (topic == nullptr || !wanted.matches(topic->text)) continue;
        if (end.count == most) {
            end.kind = publication_kind::part;
            break;
        }
        if (begin(where.share()) != status::ok) return false;
        if (auto name = topic->frame.share(); go_on(name) != status::ok) return false;
        auto value = topic->last_value.share();
        if (finish(value, {publication_kind::last_value, 1, id, topic->sequence, name_}) != status::ok)
            return false;
        end.sequence = stamp;
        ++end.count;
    }
    if (begin(where.share()) != status::ok) return false;
    message last{std::span<const std::byte>{end.encode()}};
    return out.send(last, deadline::now(), 0) == status::ok;
}

/// Something was published: the loop is to look in a moment.
void publish_state::touch() {
    touched_ = true;
    if (ticking_) return;
    ticking_ = true;
    constexpr std::chrono::nanoseconds pulse = publish_watch::pulse;
    const auto in = batch_.bytes > 0 ? std::min<std::chrono::nanoseconds>(pulse, batch_.delay) : pulse;
    events_->post([in, watch = watch_] { watch->begin_ticks(in); });
}

/// What the loop does while messages are published; returns when to do it again, if at all.
std::optional<std::chrono::nanoseconds> publish_state::on_tick() {
    const locked lock{mutex_};
    if (!closed_) look();
    tell();
    if (closed_) return std::nullopt;
    const auto pulse = std::exchange(busy_, false) ? publish_watch::busy_pulse : publish_watch::pulse;
    const auto next = std::min<std::chrono::nanoseconds>(pulse, send_due_batches());
    ticking_ = std::exchange(touched_, false) || !batches_.empty();
    return ticking_ ? std::optional{next} : std::nullopt;
}

}  // namespace leat::detail

#include <leat/pubsub/detail/publish_state.hpp>

#include <leat/error.hpp>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace leat::detail {
namespace {

constexpr std::uint32_t sends_between_looks = 256;
constexpr std::size_t longest_subscription = 8u << 10;
constexpr std::size_t no_limit = std::size_t{1} << 40;

const publish_options& checked(const publish_options& options) {
    const auto refuse = [](const std::string& text) { throw error{errc::bad_option, text}; };
    const auto& batch = options.batch;
    if (options.bind.empty() && options.connect.empty())
        refuse("a publisher needs at least one endpoint to bind or connect");
    if (batch.bytes > options.socket.send_bytes / 4) {
        refuse("batch.bytes is " + std::to_string(batch.bytes) +
               "; allowed is a quarter of send_bytes: " + std::to_string(options.socket.send_bytes / 4));
    }
    if (batch.bytes > 0 && (batch.delay <= batch.delay.zero() || batch.delay > std::chrono::minutes{1})) {
        refuse("batch.delay is " + std::to_string(batch.delay.count()) + " us; allowed are 1 to 60000000");
    }
    check_topic_separator(options.separator);
    return options;
}

/// The bound in bytes over all subscribers would make `drop` wait, so it is turned into high-water marks.
socket_options socket_options_of(const publish_options& options) {
    auto socket = options.socket;
    socket.frame_bytes = std::max(socket.frame_bytes, options.batch.bytes);
    socket.send_frames = socket.send_high_water_mark();
    socket.send_bytes = no_limit;
    socket.max_message = std::min(socket.max_message, longest_subscription);
    if (options.stop.stop_possible()) socket.stop = options.stop;
    return socket;
}

std::string name_of(const publish_options& options) {
    if (!options.name.empty() || options.bind.empty()) return options.name;
    const auto& at = options.bind.front();
    if (at.is_wildcard() || at.via() == endpoint::transport::inproc) return {};
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) return {};
    return std::string{host.data()} + " " + at.str();
}

void set(socket& s, int option, int value, const char* name) {
    if (zmq_setsockopt(s.handle(), option, &value, sizeof value) == 0) return;
    throw error{errc::internal, std::string{"libzmq refuses "} + name + ": " + zmq_strerror(zmq_errno())};
}

}  // namespace

publish_state::publish_state(context& ctx, const publish_options& o)
    : out(ctx, role::xpub, socket_options_of(checked(o))),
      overflow_(o.overflow),
      batch_(o.batch),
      name_(hash_of_name(name_of(o))),
      separator_(o.separator),
      stop_(out.options().stop),
      events_(&ctx.background()),
      fd_(out.event_fd()),
      topics_(o.max_topics, o.last_values, o.separator) {
    set(out, ZMQ_XPUB_NODROP, overflow_ == overflow::block ? 1 : 0, "XPUB_NODROP");
    set(out, ZMQ_XPUB_VERBOSER, 1, "XPUB_VERBOSER");
    for (const auto& at : o.bind) bound.push_back(out.bind(at));
    for (const auto& to : o.connect) out.connect(to);
    out.hand_over();
}

status publish_state::publish(std::string_view topic, const void* value, publish_channel::encoder encode,
                              deadline until) {
    locked lock{mutex_};
    if (closed_) return status::closed;
    auto* known = topics_.find(topic);
    if (known != nullptr && batch_.bytes > 0) return add_to_batch(lock, *known, value, encode, until);
    scratch_.clear();
    encode(value, scratch_);
    message body{scratch_.view()};
    if (known != nullptr) return publish_alone(lock, *known, body, until);
    published_topic unnumbered{topic};
    return publish_alone(lock, unnumbered, body, until);
}

status publish_state::publish(std::string_view topic, message& body, deadline until) {
    locked lock{mutex_};
    if (closed_) return status::closed;
    if (auto* known = topics_.find(topic); known != nullptr) return publish_alone(lock, *known, body, until);
    published_topic unnumbered{topic};
    return publish_alone(lock, unnumbered, body, until);
}

status publish_state::publish_alone(locked& lock, published_topic& topic, message& body, deadline until) {
    for (;;) {
        auto why = begin(topic.frame.share());
        if (why == status::ok) {
            std::optional<message> kept;
            if (topics_.keeps_values() && topic.numbered) kept = body.share();
            why = finish(body, live(topic, 1));
            if (why != status::ok) return why;
            if (kept) topics_.keep(topic, std::move(*kept));
            sent(topic, 1);
            return why;
        }
        if (why == status::timeout) why = pause(lock, until);
        if (why != status::ok) return why;
    }
}

/// Sends the first frame of a message, where libzmq decides whether it has room: `timeout` when not.
status publish_state::begin(message head) {
    out.hand_over();
    int size = 0;
    while ((size = zmq_msg_send(head.handle(), out.handle(), ZMQ_DONTWAIT | ZMQ_SNDMORE)) < 0) {
        switch (zmq_errno()) {
            case EINTR:
                continue;
            case EAGAIN:
                out.counts().would_blocks.add();
                return status::timeout;
            case ETERM:
            case ENOTSOCK:
                return status::closed;
            default:
                throw error{errc::internal, "libzmq: " + std::string{zmq_strerror(zmq_errno())}};
        }
    }
    head.taken();
    out.counts().bytes_sent.add(static_cast<std::size_t>(size));
    return status::ok;
}

/// Sends a frame between the first and the last, which always has room.
status publish_state::go_on(message& frame) {
    int size = 0;
    while ((size = zmq_msg_send(frame.handle(), out.handle(), ZMQ_DONTWAIT | ZMQ_SNDMORE)) < 0) {
        if (zmq_errno() != EINTR) return status::closed;
    }
    frame.taken();
    out.counts().bytes_sent.add(static_cast<std::size_t>(size));
    return status::ok;
}

/// Sends the last two frames, which always have room.
status publish_state::finish(message& body, const trailer& end) {
    if (const auto why = go_on(body); why != status::ok) return why;
    message last{trailer::size};
    end.encode(last.data());
    return out.send(last, deadline::now(), end.count);
}

trailer publish_state::live(const published_topic& topic, std::uint32_t count) const noexcept {
    return {publication_kind::live, count, id, topic.numbered ? topic.sequence + 1 : 0, name_};
}

void publish_state::sent(published_topic& topic, std::uint32_t count) {
    if (topic.numbered) {
        topic.sequence += count;
    } else {
        answers.unnumbered.add(count);
    }
    if (++sends_since_look_ >= sends_between_looks) {
        look();
        busy_ = true;
    }
    tell();  // there is room, so others may find some as well
    touch();
}

/// Waits, without the lock, until libzmq has news or a moment has passed: another thread may have worked the
/// news off.
status publish_state::pause(locked& lock, deadline until) {
    constexpr int moment = 10;  // ms
    if (until.passed()) return status::timeout;
    if (stop_.stopped()) return status::stopped;
    const int wait = until.is_never() ? moment : std::min(until.poll_timeout(), moment);
    std::array<pollfd, 3> ready{{{fd_, POLLIN, 0}, {stop_.fd(), POLLIN, 0}, {told_.fd(), POLLIN, 0}}};
    ++pausing_;
    lock.unlock();
    ::poll(ready.data(), ready.size(), wait);
    lock.lock();
    --pausing_;
    if (ready[2].revents != 0) told_.lower();
    if (closed_) return status::closed;
    look();
    return closed_ ? status::closed : status::ok;
}

status publish_state::wait_subscribers(std::string_view topic, std::size_t n, deadline until) {
    check_topic(topic, separator_);
    locked lock{mutex_};
    for (;;) {
        if (closed_) return status::closed;
        look();
        if (subscriptions_.covering(topic) >= n) return status::ok;
        if (const auto why = pause(lock, until); why != status::ok) return why;
    }
}

std::size_t publish_state::subscribers(std::string_view topic) {
    check_topic(topic, separator_);
    const locked lock{mutex_};
    if (!closed_) look();
    return subscriptions_.covering(topic);
}

status publish_state::flush(deadline until) {
    locked lock{mutex_};
    if (closed_) return status::closed;
    if (const auto why = send_batches(lock, until); why != status::ok) return why;
    while (out.pending() > 0) {
        if (const auto why = pause(lock, until); why != status::ok) return why;
    }
    return status::ok;
}

void publish_state::close() noexcept {
    locked lock{mutex_};
    try {
        if (out.handle() == nullptr) return;
        if (!closed_) static_cast<void>(send_batches(lock, out.options().linger));
    } catch (const std::exception&) {  // what is left is counted below
    }
    end_locked();
    events_->post([watch = watch_] { watch->end(); });
}

void publish_state::end() noexcept {
    const locked lock{mutex_};
    if (out.handle() != nullptr) end_locked();
}

void publish_state::end_locked() noexcept {
    closed_ = true;
    for (const auto& batch : batches_) out.counts().drop(drop_reason::linger, batch.count);
    batches_.clear();
    out.hand_over();
    out.close();
}

publish_channel::publish_channel(context& ctx, const publish_options& options)
    : state_(std::make_shared<publish_state>(ctx, options)) {
    state_->attach();
}
publish_channel::~publish_channel() {
    close();
}
publish_channel::publish_channel(publish_channel&&) noexcept = default;
publish_channel& publish_channel::operator=(publish_channel&& other) noexcept {
    close();
    state_ = std::move(other.state_);
    return *this;
}
void publish_channel::close() noexcept {
    if (state_) state_->close();
}
status publish_channel::publish(std::string_view topic, const void* value, encoder encode, deadline until) {
    return state_->publish(topic, value, encode, until);
}
status publish_channel::publish(std::string_view topic, message& body, deadline until) {
    return state_->publish(topic, body, until);
}
status publish_channel::wait_subscribers(std::string_view topic, std::size_t n, deadline until) {
    return state_->wait_subscribers(topic, n, until);
}
std::size_t publish_channel::subscribers(std::string_view topic) {
    return state_->subscribers(topic);
}
status publish_channel::flush(deadline until) {
    return state_->flush(until);
}
std::uint64_t publish_channel::id() const noexcept {
    return state_->id;
}
std::uint64_t publish_channel::pending() const noexcept {
    return state_->out.pending();
}
const endpoints& publish_channel::bound() const noexcept {
    return state_->bound;
}
const metrics& publish_channel::counts() const noexcept {
    return state_->out.counts();
}
const publish_metrics& publish_channel::answers() const noexcept {
    return state_->answers;
}
monitor& publish_channel::peers() const noexcept {
    return state_->out.peers();
}

}  // namespace leat::detail

#include <leat/socket.hpp>

#include <leat/detail/context_state.hpp>
#include <leat/detail/socket_setup.hpp>
#include <leat/detail/tsan.hpp>
#include <leat/error.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace leat {
namespace {

constexpr int accepted = 0;

/// One attempt to send: the frame's size, or the errno as a negative number. Waits unless `flags` say
/// otherwise.
int try_send(void* zmq, message& m, int flags) {
    detail::before_send();
    const int sent = zmq_msg_send(m.handle(), zmq, flags);
    if (sent < 0) return -zmq_errno();
    m.taken();
    return sent;
}

/// The errno of an attempt, or `accepted`.
int failure_of(int sent) {
    return sent >= 0 ? accepted : -sent;
}

bool is_closed(int failure) {
    return failure == ETERM || failure == ENOTSOCK;
}

std::string file_of(const endpoint& ipc) {
    return ipc.str().substr(std::string_view{"ipc://"}.size());
}

status status_of(int failure) {
    switch (failure) {
        case ETERM:
        case ENOTSOCK:
            return status::closed;
        case EHOSTUNREACH:
            return status::no_peer;
        default:
            throw error{errc::internal, "libzmq: " + std::string{zmq_strerror(failure)}};
    }
}

}  // namespace

std::string_view to_string(role r) noexcept {
    constexpr std::array<std::string_view, 11> names{"pair",   "pub",  "sub",  "req",  "rep", "dealer",
                                                     "router", "pull", "push", "xpub", "xsub"};
    return names[static_cast<std::size_t>(r)];
}

struct socket::state {
    std::shared_ptr<detail::context_state> ctx;
    std::shared_ptr<detail::socket_record> record;
    detail::send_meter* meter;
    metrics* counts;
    role what;
    socket_options options;
    stop_event stop;
    void* zmq = nullptr;
    int fd = -1;
    bool closed = false;
    std::vector<std::string> files;  // of the ipc paths that leat picked: libzmq leaves those
    std::size_t send_bytes;

    state(std::shared_ptr<detail::context_state> context, role r, socket_options o)
        : ctx(std::move(context)),
          record(ctx->add(std::string{to_string(r)})),
          meter(record->meter.get()),
          counts(record->counts.get()),
          what(r),
          options(std::move(o)),
          stop(options.stop),
          send_bytes(options.send_bytes) {}

    /// The owner's check on calls that are not made for each message: the context learns who holds the
    /// socket.
    void claim() {
        check_owner();
        record->owner = std::this_thread::get_id();
    }

    void check_owner() {
#ifndef NDEBUG
        const auto self = std::this_thread::get_id();
        std::thread::id nobody;
        if (record->owner.compare_exchange_strong(nobody, self) || nobody == self) return;
        throw error{errc::wrong_thread,
                    record->role +
                        " socket: used from a second thread. A socket belongs to one thread: move it there, "
                        "or give each thread its own"};
#endif
    }

    status wait(short events, deadline until);
    status wait_for_change(deadline until);
    status wait_for_room(deadline until);
    void count_sent(std::size_t size, std::uint32_t messages) noexcept;
    status send_late(int failure, message& m, deadline until, std::uint32_t messages);
    status send_marked(message& m, deadline until, std::uint32_t messages);
    status receive_frame(message& m, deadline until);
    int try_parts(parts& all, std::size_t size);
    [[nodiscard]] bool one_peer_a_message() const noexcept;
    [[nodiscard]] bool balances() const noexcept;
    status retry_send(int failure, deadline until, bool may_block, auto&& attempt);

    /// Without a deadline and a stop token libzmq's own wait will do, which is the fastest.
    [[nodiscard]] bool waits_in_libzmq(deadline until) const noexcept {
        return until.is_never() && stop.fd() < 0;
    }
};

socket::socket(context& ctx, role what, socket_options options) {
    options.check();
    state_ = std::make_unique<state>(ctx.state_, what, std::move(options));
    auto& s = *state_;
    try {
        s.zmq = detail::open_socket(*s.ctx, what, s.options);
        std::size_t size = sizeof s.fd;
        zmq_getsockopt(s.zmq, ZMQ_FD, &s.fd, &size);
        if (s.options.monitor) detail::attach_monitor(*s.ctx, s.zmq, s.record->peers);
    } catch (...) {
        close();
        throw;
    }
}

socket::~socket() {
    close();
}
socket::socket(socket&& other) noexcept : state_(std::move(other.state_)) {
    hand_over();
}
socket& socket::operator=(socket&& other) noexcept {
    close();
    state_ = std::move(other.state_);
    hand_over();
    return *this;
}

void socket::close() noexcept {
    if (!state_ || state_->closed) return;
    state_->closed = true;
    if (state_->zmq != nullptr && state_->options.monitor) zmq_socket_monitor(state_->zmq, nullptr, 0);
    state_->ctx->remove(state_->record, state_->options.linger);
    for (const auto& file : state_->files) ::unlink(file.c_str());
    if (state_->zmq != nullptr) zmq_close(std::exchange(state_->zmq, nullptr));
}

endpoint socket::bind(const endpoint& wanted) {
    const endpoint at = detail::with_ipc_path(wanted);
    auto& s = *state_;
    s.claim();
    if (!at.is_local() && !s.options.insecure && !s.options.server) {
        throw error{errc::insecure_bind,
                    "bind " + at.str() +
                        ": other machines could reach it. Set CURVE keys (options.server), "
                        "bind 127.0.0.1, or say insecure"};
    }
    detail::prepare_address_family(s.zmq, at);
    if (zmq_bind(s.zmq, at.str().c_str()) != 0) {
        if (is_closed(zmq_errno())) throw error{errc::closed, "bind " + at.str() + ": the context is closed"};
        throw error{errc::bind_failed,
                    "bind " + at.str() + ": " + zmq_strerror(detail::why_not_bound(*s.ctx, at))};
    }
    endpoint bound{detail::last_endpoint(s.zmq)};
    s.ctx->note_endpoint(*s.record, bound.str(), true);
    if (bound.via() == endpoint::transport::ipc && wanted.is_wildcard()) s.files.push_back(file_of(bound));
    if (bound.via() != endpoint::transport::inproc) return bound;
    s.meter->turn_off();
    s.ctx->inproc_bound(s.record, bound.str());
    return bound;
}

void socket::connect(const endpoint& to) {
    auto& s = *state_;
    s.claim();
    if (to.is_wildcard()) {
        throw error{errc::bad_endpoint,
                    "connect " + to.str() + ": a * can only be bound; name what the other side has bound"};
    }
    detail::prepare_address_family(s.zmq, to);
    if (zmq_connect(s.zmq, to.str().c_str()) != 0) {
        if (is_closed(zmq_errno()))
            throw error{errc::closed, "connect " + to.str() + ": the context is closed"};
        throw error{errc::connect_failed, "connect " + to.str() + ": " + zmq_strerror(zmq_errno())};
    }
    s.ctx->note_endpoint(*s.record, to.str(), true);
    if (to.via() != endpoint::transport::inproc) return;
    s.meter->turn_off();
    s.ctx->inproc_connected(s.record, to.str());
}

void socket::unbind(const endpoint& at) {
    auto& s = *state_;
    s.claim();
    if (zmq_unbind(s.zmq, at.str().c_str()) != 0) {
        throw error{errc::bad_endpoint, "unbind " + at.str() + ": " + zmq_strerror(zmq_errno())};
    }
    s.ctx->note_endpoint(*s.record, at.str(), false);
    if (at.via() == endpoint::transport::ipc && std::erase(s.files, file_of(at)) > 0)
        ::unlink(file_of(at).c_str());
    if (at.via() == endpoint::transport::inproc) s.ctx->inproc_unbound(s.record, at.str());
}

void socket::disconnect(const endpoint& from) {
    auto& s = *state_;
    s.claim();
    if (zmq_disconnect(s.zmq, from.str().c_str()) != 0) {
        throw error{errc::bad_endpoint, "disconnect " + from.str() + ": " + zmq_strerror(zmq_errno())};
    }
    s.ctx->note_endpoint(*s.record, from.str(), false);
    if (from.via() == endpoint::transport::inproc) s.ctx->inproc_disconnected(s.record, from.str());
}

/// Waits for `events` (POLLIN, POLLOUT), or for the meter to tell of released bytes when there are none.
status socket::state::wait(short events, deadline until) {
    std::array<pollfd, 3> ready{{{fd, POLLIN, 0}, {stop.fd(), POLLIN, 0}, {-1, POLLIN, 0}}};
    if (events == 0) ready[2].fd = meter->released().fd();
    for (;;) {
        int now = 0;
        std::size_t size = sizeof now;
        // Asking also lets libzmq work off what its threads have told the socket.
        if (zmq_getsockopt(zmq, ZMQ_EVENTS, &now, &size) != 0) {
            if (zmq_errno() == EINTR) continue;
            return status_of(zmq_errno());
        }
        if ((now & events) != 0) return status::ok;
        if (stop.stopped()) return status::stopped;
        const int timeout = until.poll_timeout();
        if (timeout == 0) return status::timeout;
        if (::poll(ready.data(), ready.size(), timeout) > 0 && ready[2].revents != 0) {
            meter->released().lower();
            return status::ok;
        }
    }
}

/// Waits until libzmq's threads have told the socket something: for the sockets that poll as writable always.
status socket::state::wait_for_change(deadline until) {
    std::array<pollfd, 2> ready{{{fd, POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
    const int timeout = until.poll_timeout();
    if (timeout == 0) return status::timeout;
    ::poll(ready.data(), ready.size(), timeout);
    if (stop.stopped()) return status::stopped;
    int now = 0;
    std::size_t size = sizeof now;
    if (zmq_getsockopt(zmq, ZMQ_EVENTS, &now, &size) != 0 && zmq_errno() != EINTR)
        return status_of(zmq_errno());
    return status::ok;
}

/// After a send that found no room: waits and tries again, until `attempt(flags)` gives anything but EAGAIN.
/// `may_block`: without DONTWAIT it waits by itself.
status socket::state::retry_send(int failure, deadline until, bool may_block, auto&& attempt) {
    if (failure == EAGAIN) counts->would_blocks.add();
    while (failure == EAGAIN || failure == EINTR) {
        if (failure == EAGAIN && until.is_now()) return status::timeout;
        if (may_block && waits_in_libzmq(until)) {
            failure = attempt(0);
            continue;
        }
        const bool polls = what != role::router && what != role::xpub && what != role::pub;
        if (const auto why = polls ? wait(ZMQ_POLLOUT, until) : wait_for_change(until); why != status::ok)
            return why;
        failure = attempt(ZMQ_DONTWAIT);
        if (failure == EAGAIN && until.passed()) return status::timeout;
    }
    return failure == accepted ? status::ok : status_of(failure);
}

void socket::state::count_sent(std::size_t size, std::uint32_t messages) noexcept {
    counts->messages_sent.add(messages);
    counts->bytes_sent.add(size);
}

/// After an attempt that failed.
status socket::state::send_late(int failure, message& m, deadline until, std::uint32_t messages) {
    const auto size = m.size();
    const auto attempt = [&](int flags) { return failure_of(try_send(zmq, m, flags)); };
    const auto why = retry_send(failure, until, true, attempt);
    if (why != status::ok) return why;
    meter->accept(size, messages);
    count_sent(size, messages);
    return status::ok;
}

/// The frame that stands for those before it. Only here is the bound in bytes looked at.
status socket::state::send_marked(message& m, deadline until, std::uint32_t messages) {
    if (meter->pending_bytes() >= send_bytes) {
        if (const auto why = wait_for_room(until); why != status::ok) return why;
    }
    const auto size = m.size();
    message marked = meter->mark(std::move(m), messages, size);
    const auto attempt = [&](int flags) { return failure_of(try_send(zmq, marked, flags)); };
    auto why = status::ok;
    try {
        if (const int failure = attempt(ZMQ_DONTWAIT); failure != accepted)
            why = retry_send(failure, until, true, attempt);
    } catch (...) {
        m = meter->unmark(std::move(marked));
        throw;
    }
    if (why != status::ok) {
        m = meter->unmark(std::move(marked));
        return why;
    }
    count_sent(size, messages);
    return status::ok;
}

status socket::state::wait_for_room(deadline until) {
    counts->would_blocks.add();
    meter->wake_below(send_bytes - send_bytes / 8);
    auto why = status::ok;
    while (why == status::ok && meter->pending_bytes() >= send_bytes && !meter->idle()) why = wait(0, until);
    meter->no_wake();
    // The wake-up comes once an eighth is free; at the deadline any room will do.
    return why == status::timeout && meter->pending_bytes() < send_bytes ? status::ok : why;
}

status socket::send(message& m, deadline until, std::uint32_t messages) {
    auto& s = *state_;
    s.check_owner();
    if (s.meter->due()) [[unlikely]]
        return s.send_marked(m, until, messages);
    const int sent = try_send(s.zmq, m, ZMQ_DONTWAIT);
    if (sent < 0) [[unlikely]]
        return s.send_late(-sent, m, until, messages);
    s.meter->accept(static_cast<std::size_t>(sent), messages);
    s.count_sent(static_cast<std::size_t>(sent), messages);
    return status::ok;
}

/// True for the sockets that hand each message to the next peer with room.
bool socket::state::balances() const noexcept {
    return what == role::push || what == role::dealer || what == role::req;
}

/// True for the sockets whose message goes to one peer or to none.
bool socket::state::one_peer_a_message() const noexcept {
    return balances() || what == role::router;
}

// libzmq takes a multipart message part by part, and a peer may be lost in between. Copies go in, so the
// caller's parts are whole until the end. What libzmq does with the rest depends on how much it has noticed
// (lb.cpp, router.cpp):
// - the next part gives EAGAIN. If more were to follow, all parts up to the next last one are swallowed, so
// an empty last
//   part has to end the broken message before it can be sent again;
// - the next parts are taken and dropped. That shows on the last one: it is freed at once, on this thread.
int socket::state::try_parts(parts& all, std::size_t size) {
    for (std::size_t i = 0; i < all.size(); ++i) {
        const bool last = i + 1 == all.size();
        message copy = last && meter->on() ? meter->mark(all[i].share(), 1, size) : all[i].share();
        const int failure = failure_of(try_send(zmq, copy, last ? ZMQ_DONTWAIT : ZMQ_DONTWAIT | ZMQ_SNDMORE));
        if (failure == accepted) continue;
        if (last && meter->on()) meter->unmark(std::move(copy));
        if (i > 0 && !last && failure == EAGAIN && balances()) {
            message end;
            try_send(zmq, end, ZMQ_DONTWAIT);
        }
        return failure;
    }
    if (!one_peer_a_message() || !meter->freed_by_sender()) return accepted;
    return what == role::router ? EHOSTUNREACH : EAGAIN;
}

status socket::send(parts& all, deadline until) {
    if (all.empty()) throw error{errc::bad_option, "send: a message has at least one part"};
    if (all.size() == 1) return send(all.front(), until);
    auto& s = *state_;
    s.check_owner();
    if (s.meter->pending_bytes() >= s.send_bytes) {
        if (const auto why = s.wait_for_room(until); why != status::ok) return why;
    }
    std::size_t size = 0;
    for (const auto& part : all) size += part.size();
    const auto attempt = [&](int) { return s.try_parts(all, size); };
    if (const int failure = attempt(ZMQ_DONTWAIT); failure != accepted) {
        if (const auto why = s.retry_send(failure, until, false, attempt); why != status::ok) return why;
    }
    for (auto& part : all) part = message{};
    s.counts->messages_sent.add();
    s.counts->bytes_sent.add(size);
    return status::ok;
}

status socket::state::receive_frame(message& m, deadline until) {
    const int flags = waits_in_libzmq(until) ? 0 : ZMQ_DONTWAIT;
    for (;;) {
        const int size = zmq_msg_recv(m.handle(), zmq, flags);
        if (size >= 0) [[likely]] {
            detail::after_receive();
            counts->bytes_received.add(static_cast<std::size_t>(size));
            return status::ok;
        }
        const int failure = zmq_errno();
        if (failure == EINTR) continue;
        if (failure != EAGAIN) return status_of(failure);
        if (const auto why = wait(ZMQ_POLLIN, until); why != status::ok) return why;
    }
}

status socket::receive(message& m, deadline until) {
    auto& s = *state_;
    s.check_owner();
    const auto why = s.receive_frame(m, until);
    if (why == status::ok) s.counts->messages_received.add();
    return why;
}

status socket::receive(parts& all, deadline until) {
    auto& s = *state_;
    s.check_owner();
    all.clear();
    do {
        message part;
        // All parts of a message are there once the first is.
        if (const auto why = s.receive_frame(part, all.empty() ? until : deadline::now());
            why != status::ok) {
            all.clear();
            return why;
        }
        all.push_back(std::move(part));
    } while (all.back().more());
    s.counts->messages_received.add();
    return status::ok;
}

status socket::wait_readable(deadline until) {
    state_->check_owner();
    return state_->wait(ZMQ_POLLIN, until);
}

status socket::wait_writable(deadline until) {
    state_->check_owner();
    return state_->wait(ZMQ_POLLOUT, until);
}

status socket::wait_sent(deadline until) {
    auto& s = *state_;
    s.check_owner();
    s.meter->wake_when_idle();
    auto why = status::ok;
    while (why == status::ok && s.meter->pending() > 0) why = s.wait(0, until);
    s.meter->no_wake();
    return why;
}

void socket::subscribe(std::string_view prefix) {
    state_->check_owner();
    if (zmq_setsockopt(state_->zmq, ZMQ_SUBSCRIBE, prefix.data(), prefix.size()) != 0) {
        throw error{errc::bad_option, "subscribe: " + std::string{to_string(what())} +
                                          " sockets do not subscribe; sub sockets do"};
    }
}

void socket::unsubscribe(std::string_view prefix) {
    state_->check_owner();
    if (zmq_setsockopt(state_->zmq, ZMQ_UNSUBSCRIBE, prefix.data(), prefix.size()) != 0) {
        throw error{errc::bad_option, "unsubscribe: " + std::string{to_string(what())} +
                                          " sockets do not subscribe; sub sockets do"};
    }
}

status socket::wait_connected(std::size_t n, deadline until) const {
    if (!state_->options.monitor)
        throw error{errc::bad_option, "wait_connected: the socket was made with monitor = false"};
    return peers().wait_connected(n, until, state_->options.stop);
}

monitor& socket::peers() const noexcept {
    return *state_->record->peers;
}
metrics& socket::counts() const noexcept {
    return *state_->counts;
}
std::uint64_t socket::pending() const noexcept {
    return state_->meter->pending();
}

void socket::hand_over() noexcept {
    if (state_) state_->record->owner = std::thread::id{};
}

const socket_options& socket::options() const noexcept {
    return state_->options;
}
role socket::what() const noexcept {
    return state_->what;
}
std::string socket::name() const {
    return state_->ctx->name_of(*state_->record);
}
void* socket::handle() const noexcept {
    return state_->zmq;
}

}  // namespace leat

#include <leat/detail/socket_state.hpp>
#include <leat/detail/tsan.hpp>
#include <leat/error.hpp>

#include <poll.h>

#include <array>

namespace leat {

status detail::status_of(int failure) {
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
            return detail::status_of(zmq_errno());
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
        return detail::status_of(zmq_errno());
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
        if (failure != EAGAIN) return detail::status_of(failure);
        if (until.is_now()) return stop.stopped() ? status::stopped : status::timeout;
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

status socket::receive(std::span<message> frames, std::span<std::size_t> sizes, std::size_t& count,
                       deadline until) {
    auto& s = *state_;
    s.check_owner();
    int flags = s.waits_in_libzmq(until) ? 0 : ZMQ_DONTWAIT;
    std::size_t n = 0, all = 0;
    do {
        if (n == frames.size()) [[unlikely]] {
            if (const auto why = s.drop_rest(n); why != status::ok) return why;
            break;
        }
        if (const int size = zmq_msg_recv(frames[n].handle(), s.zmq, flags); size >= 0) [[likely]] {
            sizes[n] = static_cast<std::size_t>(size);
            all += sizes[n];
        } else {
            // All parts of a message are there once the first is.
            const auto why = s.receive_frame(frames[n], n == 0 ? until : deadline::now());
            if (why != status::ok) return why;
            sizes[n] = frames[n].size();
        }
        flags = ZMQ_DONTWAIT;
    } while (frames[n++].more());
    detail::after_receive();
    s.counts->messages_received.add();
    s.counts->bytes_received.add(all);
    count = n;
    return status::ok;
}

/// Of the message whose first `count` frames were received; counts them.
status socket::state::drop_rest(std::size_t& count) {
    message rest;
    do {
        if (const auto why = receive_frame(rest, deadline::now()); why != status::ok) return why;
        ++count;
    } while (rest.more());
    return status::ok;
}

status socket::wait_readable(deadline until) {
    state_->check_owner();
    return state_->wait(ZMQ_POLLIN, until);
}

}  // namespace leat

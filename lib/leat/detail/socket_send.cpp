#include <leat/detail/socket_state.hpp>
#include <leat/detail/tsan.hpp>
#include <leat/error.hpp>

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

}  // namespace

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
    return failure == accepted ? status::ok : detail::status_of(failure);
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

}  // namespace leat

#pragma once

#include <leat/detail/context_state.hpp>
#include <leat/error.hpp>
#include <leat/socket.hpp>

#include <zmq.h>

#include <cerrno>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace leat {

/// What a socket is made of; its sending and its receiving half share it.
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
    status drop_rest(std::size_t& count);
    int try_parts(parts& all, std::size_t size);
    [[nodiscard]] bool one_peer_a_message() const noexcept;
    [[nodiscard]] bool balances() const noexcept;
    status retry_send(int failure, deadline until, bool may_block, auto&& attempt);

    /// Without a deadline and a stop token libzmq's own wait will do, which is the fastest.
    [[nodiscard]] bool waits_in_libzmq(deadline until) const noexcept {
        return until.is_never() && stop.fd() < 0;
    }
};

namespace detail {

[[nodiscard]] inline bool is_closed(int failure) noexcept {
    return failure == ETERM || failure == ENOTSOCK;
}

/// What a failure other than EAGAIN and EINTR means to the caller.
/// @throws leat::error (`errc::internal`) when it should not happen.
[[nodiscard]] status status_of(int failure);

}  // namespace detail
}  // namespace leat

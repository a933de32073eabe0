#pragma once

#include <leat/deadline.hpp>
#include <leat/detail/socket_record.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace leat {
class loop;
}

namespace leat::detail {

/// A socket that its user has closed and libzmq has not.
struct closed_socket {
    void* zmq;
    std::shared_ptr<socket_record> record;
    std::chrono::milliseconds linger;
};

/// Closes it in libzmq, which goes on sending for as long as the linger lasts.
void close_now(const closed_socket& socket) noexcept;

/// Closed sockets whose peers over ipc have not read everything yet.
///
/// libzmq 4.3.4 loses what is in the kernel when a sender closes its end of a Unix socket while the receiver
/// has stopped reading (its issue 4660): the receiver is told of the hang-up, and never reads the rest. So
/// such a socket is closed in libzmq only once the kernel holds nothing for its peers, or its linger has
/// passed. Thread-safe.
class parting_sockets : public std::enable_shared_from_this<parting_sockets> {
public:
    /// Takes the socket over, and has the loop look after it; false when it may as well be closed now.
    /// libzmq's own linger begins when it is closed in the end, so both together may take twice as long.
    bool add(closed_socket socket, loop& events);

    /// Waits until all are closed; at the deadline closes the rest. From then on takes no more.
    void finish(deadline until);

private:
    struct parting {
        closed_socket socket;
        deadline ends;
        int times_read = 0;
    };

    /// Closes those that are done; true when some are left.
    bool look();
    void look_again(loop& events);

    std::mutex mutex_;
    std::vector<parting> sockets_;
    bool looking_ = false;
    bool finished_ = false;
};

}  // namespace leat::detail

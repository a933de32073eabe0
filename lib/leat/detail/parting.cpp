#include <leat/detail/parting.hpp>

#include <leat/loop.hpp>

#include <poll.h>
#include <zmq.h>

#include <algorithm>
#include <utility>

namespace leat::detail {
namespace {

constexpr std::chrono::milliseconds between_looks{1};

/// What libzmq's thread has taken from the socket's queue and not yet written is in neither; it writes as
/// soon as the kernel has room, if the machine lets it.
constexpr int looks_needed = 10;

/// False when nothing is left that closing could lose, or nobody is there to read it.
bool holds_unread(const socket_record& record) {
    if (record.peers->connected() == 0) return false;
    return record.meter->pending() > 0 || record.peers->ipc_unread();
}

}  // namespace

void close_now(const closed_socket& socket) noexcept {
    zmq_socket_monitor(socket.zmq, nullptr, 0);
    socket.record->meter->close(socket.linger);
    zmq_close(socket.zmq);
}

bool parting_sockets::add(closed_socket socket, loop& events) {
    if (socket.linger == socket.linger.zero() || !socket.record->peers->has_ipc()) return false;
    const std::lock_guard lock{mutex_};
    if (finished_) return false;
    // What is known of the connections now is what counts. libzmq leaks events that nobody reads any more.
    zmq_socket_monitor(socket.zmq, nullptr, 0);
    const deadline ends{socket.linger};
    sockets_.push_back({std::move(socket), ends});
    if (!std::exchange(looking_, true)) look_again(events);
    return true;
}

void parting_sockets::look_again(loop& events) {
    events.post([self = weak_from_this(), &events] {
        events.after(between_looks, [self, &events] {
            const auto alive = self.lock();
            if (alive && alive->look()) alive->look_again(events);
        });
    });
}

bool parting_sockets::look() {
    const std::lock_guard lock{mutex_};
    std::erase_if(sockets_, [](parting& one) {
        one.times_read = holds_unread(*one.socket.record) ? 0 : one.times_read + 1;
        const bool done = one.times_read >= looks_needed || one.ends.passed();
        if (done) close_now(one.socket);
        return done;
    });
    looking_ = !sockets_.empty();
    return looking_;
}

void parting_sockets::finish(deadline until) {
    while (look() && !until.passed()) ::poll(nullptr, 0, static_cast<int>(between_looks.count()));
    const std::lock_guard lock{mutex_};
    finished_ = true;
    for (const auto& one : sockets_) close_now(one.socket);
    sockets_.clear();
}

}  // namespace leat::detail

#pragma once

#include <leat/message.hpp>

#include <cstddef>
#include <span>
#include <vector>

// Frames on a ZeroMQ socket without waiting, for sockets that a mutex guards: nothing here blocks or throws
// but for want of memory.

namespace leat::detail {

/// Sends one frame: 0, or libzmq's errno; `m` is then untouched.
[[nodiscard]] int send_frame(void* zmq, message& m, bool more);

/// Receives one frame: 0, or libzmq's errno.
[[nodiscard]] int receive_frame(void* zmq, message& m);

/// A message of several frames, as it came. Its room is used again.
class frames {
public:
    static constexpr std::size_t most = 32;

    /// Receives the next whole message: 0, or libzmq's errno. What has more than `most` frames is taken off
    /// the socket, and `too_many` is true.
    [[nodiscard]] int receive(void* zmq);

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] message& operator[](std::size_t at) noexcept { return all_[at]; }
    [[nodiscard]] std::span<message> range(std::size_t from, std::size_t to) noexcept {
        return std::span{all_}.subspan(from, to - from);
    }
    [[nodiscard]] message& back() noexcept { return all_[size_ - 1]; }
    [[nodiscard]] bool too_many() const noexcept { return too_many_; }

private:
    std::vector<message> all_ = std::vector<message>(most);
    std::size_t size_ = 0;
    bool too_many_ = false;
};

}  // namespace leat::detail

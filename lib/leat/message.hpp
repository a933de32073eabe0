#pragma once

#include <zmq.hpp>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace leat {

/// One frame: bytes that a socket sends or has received. Owns them; moving is cheap, `share` costs no copy of
/// the bytes.
///
/// A message belongs to one thread at a time and may outlive its socket and its context.
class message {
public:
    message() = default;

    /// `size` bytes, not initialised.
    explicit message(std::size_t size) : frame_(size) {}

    /// A copy of `data`.
    explicit message(std::span<const std::byte> data) : frame_(data.data(), data.size()) {}
    explicit message(std::string_view text) : frame_(text.data(), text.size()) {}
    explicit message(const char* text) : message(std::string_view{text}) {}

    /// Takes over a block that came from malloc; it is freed when the last frame that shares it is gone,
    /// which may be on one of libzmq's threads.
    [[nodiscard]] static message adopt(std::byte* block, std::size_t size) {
        return adopt(
            block, size, [](void* data, void*) { std::free(data); }, nullptr);
    }

    /// Refers to bytes that `free(block, hint)` gives back, on whatever thread lets go of them last.
    [[nodiscard]] static message adopt(std::byte* block, std::size_t size, void (*free)(void*, void*),
                                       void* hint) {
        message m;
        m.frame_.rebuild(block, size, free, hint);
        return m;
    }

    message(message&&) noexcept = default;
    message& operator=(message&&) noexcept = default;

    /// Another frame with the same bytes, which are not copied (above 33 bytes) and must not be changed any
    /// more.
    [[nodiscard]] message share() {
        message m;
        m.frame_.copy(frame_);
        return m;
    }

    [[nodiscard]] std::size_t size() const noexcept { return frame_.size(); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] const std::byte* data() const noexcept {
        return static_cast<const std::byte*>(frame_.data());
    }
    [[nodiscard]] std::byte* data() noexcept { return static_cast<std::byte*>(frame_.data()); }

    /// The bytes, valid while this message is neither moved from nor changed.
    [[nodiscard]] std::span<const std::byte> view() const noexcept { return {data(), size()}; }
    [[nodiscard]] std::string_view text() const noexcept {
        return {static_cast<const char*>(frame_.data()), size()};
    }

    /// True when further frames of the same multipart message follow (a received one).
    [[nodiscard]] bool more() const noexcept { return frame_.more(); }

    /// libzmq's own message, for calls that leat does not wrap.
    [[nodiscard]] zmq_msg_t* handle() noexcept { return frame_.handle(); }

    friend bool operator==(const message& a, const message& b) noexcept { return a.text() == b.text(); }

private:
    zmq::message_t frame_;
};

/// A payload that leat leaves untouched: the frame itself.
using bytes = message;

}  // namespace leat

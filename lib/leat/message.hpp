#pragma once

#include <zmq.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace leat {

/// One frame: bytes that a socket sends or has received. Owns them; moving is cheap, `share` costs no copy of
/// the bytes.
///
/// A message belongs to one thread at a time and may outlive its socket and its context. Making one throws
/// std::bad_alloc when there is no memory.
class message {
public:
    message() noexcept { zmq_msg_init(&frame_); }

    /// `size` bytes, not initialised.
    explicit message(std::size_t size) : open_(true) {
        if (zmq_msg_init_size(&frame_, size) != 0) throw std::bad_alloc{};
    }

    /// A copy of `data`.
    explicit message(std::span<const std::byte> data) : message(data.size()) {
        if (!data.empty()) std::memcpy(zmq_msg_data(&frame_), data.data(), data.size());
    }
    explicit message(std::string_view text) : message(std::as_bytes(std::span{text})) {}
    explicit message(const char* text) : message(std::string_view{text}) {}

    /// Takes over a block that came from malloc; it is freed when the last frame that shares it is gone,
    /// which may be on one of libzmq's threads.
    [[nodiscard]] static message adopt(std::byte* block, std::size_t size);

    /// Refers to bytes that `free(block, hint)` gives back, on whatever thread lets go of them last.
    [[nodiscard]] static message adopt(std::byte* block, std::size_t size, void (*free)(void*, void*),
                                       void* hint) {
        message m;
        if (zmq_msg_init_data(&m.frame_, block, size, free, hint) != 0) throw std::bad_alloc{};
        m.open_ = true;
        return m;
    }

    message(message&& other) noexcept { take_over(other); }
    message& operator=(message&& other) noexcept {
        if (this == &other) return *this;
        if (open_) zmq_msg_close(&frame_);
        take_over(other);
        return *this;
    }

    friend void swap(message& a, message& b) noexcept {
        std::swap(a.frame_, b.frame_);
        std::swap(a.open_, b.open_);
    }

    // An empty frame needs no closing, which is a tenth of what sending a small one costs.
    ~message() {
        if (open_) zmq_msg_close(&frame_);
    }

    /// Another frame with the same bytes, which are not copied (above 33 bytes) and must not be changed any
    /// more.
    [[nodiscard]] message share() {
        message m;
        if (zmq_msg_copy(&m.frame_, &frame_) != 0) throw std::bad_alloc{};
        m.open_ = true;
        return m;
    }

    [[nodiscard]] std::size_t size() const noexcept { return zmq_msg_size(&frame_); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] const std::byte* data() const noexcept {
        return static_cast<const std::byte*>(zmq_msg_data(const_cast<zmq_msg_t*>(&frame_)));
    }
    [[nodiscard]] std::byte* data() noexcept { return static_cast<std::byte*>(zmq_msg_data(&frame_)); }

    /// The bytes, valid while this message is neither moved from nor changed.
    [[nodiscard]] std::span<const std::byte> view() const noexcept { return {data(), size()}; }
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(data()), size()};
    }

    /// True when further frames of the same multipart message follow (a received one).
    [[nodiscard]] bool more() const noexcept { return zmq_msg_more(&frame_) != 0; }

    /// libzmq's own message, for calls that leat does not wrap.
    [[nodiscard]] zmq_msg_t* handle() noexcept {
        open_ = true;
        return &frame_;
    }

    /// Says that libzmq has taken the frame through `handle` and left an empty one.
    void taken() noexcept { open_ = false; }

    friend bool operator==(const message& a, const message& b) noexcept { return a.text() == b.text(); }

private:
    /// Takes over `other`'s frame, and leaves it an empty one. A zmq_msg_t may be moved as bytes, which
    /// cppzmq relies on too.
    void take_over(message& other) noexcept {
        frame_ = other.frame_;
        open_ = std::exchange(other.open_, false);
        zmq_msg_init(&other.frame_);
    }

    zmq_msg_t frame_;
    bool open_ = false;
};

/// A payload that leat leaves untouched: the frame itself.
using bytes = message;

}  // namespace leat

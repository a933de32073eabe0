#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

namespace leat {

/// A block of raw bytes that grows as it is written to, for encoding into.
///
/// Owns its block, which comes from std::malloc and is never zeroed. `release` gives the block away, so that
/// it can become a ZeroMQ message without a copy. A resource: move-only, and a moved-from buffer is empty and
/// usable. For one thread at a time. Nothing in it blocks.
class buffer {
public:
    buffer() noexcept = default;

    /// Starts with room for `capacity` bytes.
    /// @throws std::bad_alloc
    explicit buffer(std::size_t capacity) { reserve(capacity); }

    buffer(buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    buffer& operator=(buffer&& other) noexcept;
    ~buffer();

    /// Appends `size` bytes, which must not lie in this buffer. The room doubles when it runs out.
    /// @throws std::bad_alloc, and the buffer is as it was
    void write(const char* data, std::size_t size) {
        if (size > capacity_ - size_) [[unlikely]]
            grow(size);
        if (size != 0) std::memcpy(data_ + size_, data, size);
        size_ += size;
    }

    /// What was written. Valid until the next call that is not const.
    [[nodiscard]] std::span<const std::byte> view() const noexcept { return {data_, size_}; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    /// Forgets what was written, and keeps the room.
    void clear() noexcept { size_ = 0; }

    /// Keeps the first `size` bytes; does nothing when there are not that many.
    void truncate(std::size_t size) noexcept {
        if (size < size_) size_ = size;
    }

    /// Makes room for `capacity` bytes in all.
    /// @throws std::bad_alloc, and the buffer is as it was
    void reserve(std::size_t capacity);

    /// Gives the block away; its first `size()` bytes, asked for before, are what was written. The caller
    /// frees it with std::free. Null when there never was room. The buffer is then empty and without room.
    [[nodiscard]] std::byte* release() noexcept {
        size_ = 0;
        capacity_ = 0;
        return std::exchange(data_, nullptr);
    }

private:
    void grow(std::size_t more);

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace leat

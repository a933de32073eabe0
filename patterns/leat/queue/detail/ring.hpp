#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>

namespace leat::detail::queueing {

/// A double-ended queue in one block whose size is a power of two. 24 bytes when empty; keeps a small block
/// for the next use and gives back a large one.
template <class T>
class ring {
public:
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    [[nodiscard]] T& operator[](std::uint32_t i) noexcept { return block_[(first_ + i) & (room_ - 1)]; }
    [[nodiscard]] const T& operator[](std::uint32_t i) const noexcept {
        return block_[(first_ + i) & (room_ - 1)];
    }
    [[nodiscard]] T& front() noexcept { return (*this)[0]; }
    [[nodiscard]] const T& front() const noexcept { return (*this)[0]; }
    [[nodiscard]] T& back() noexcept { return (*this)[size_ - 1]; }

    void push_back(T value) {
        if (size_ == room_) resize(std::max<std::uint32_t>(4, room_ * 2));
        ++size_;
        back() = std::move(value);
    }

    void pop_front() {
        front() = T{};
        first_ = (first_ + 1) & (room_ - 1);
        shrunk();
    }

    void pop_back() {
        back() = T{};
        shrunk();
    }

    void clear() {
        block_.reset();
        room_ = first_ = size_ = 0;
    }

    [[nodiscard]] std::size_t bytes() const noexcept { return room_ * sizeof(T); }

private:
    static constexpr std::uint32_t kept = 16;

    void shrunk() {
        if (--size_ == 0 && room_ > kept) {
            clear();
        } else if (room_ > kept && size_ * 8 < room_) {
            resize(room_ / 4);
        }
    }

    void resize(std::uint32_t room) {
        auto block = std::make_unique<T[]>(room);
        for (std::uint32_t i = 0; i < size_; ++i) block[i] = std::move((*this)[i]);
        block_ = std::move(block);
        room_ = room;
        first_ = 0;
    }

    std::unique_ptr<T[]> block_;
    std::uint32_t room_ = 0, first_ = 0, size_ = 0;
};

}  // namespace leat::detail::queueing

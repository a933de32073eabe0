#include "leat/buffer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace leat {
namespace {

constexpr std::size_t first_room = 256;

}  // namespace

buffer& buffer::operator=(buffer&& other) noexcept {
    if (this != &other) {
        std::free(data_);
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
}

buffer::~buffer() {
    std::free(data_);
}

void buffer::reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    if (capacity > PTRDIFF_MAX) throw std::bad_alloc{};
    void* block = std::realloc(data_, capacity);
    if (block == nullptr) throw std::bad_alloc{};
    data_ = static_cast<std::byte*>(block);
    capacity_ = capacity;
}

void buffer::grow(std::size_t more) {
    if (more > SIZE_MAX - size_) throw std::bad_alloc{};
    const auto doubled = capacity_ > SIZE_MAX / 2 ? SIZE_MAX : capacity_ * 2;
    reserve(std::max({size_ + more, doubled, first_room}));
}

}  // namespace leat

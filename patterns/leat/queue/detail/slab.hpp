#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace leat::detail::queueing {

/// The index of nothing, in a slab and in all that points into one.
inline constexpr std::uint32_t none = 0xFFFF'FFFF;

/// Objects of one kind under 32-bit indices. They stay where they are, and those given back are used again,
/// so nothing is allocated once as many were live at a time as will be.
template <class T>
class slab {
public:
    [[nodiscard]] T& operator[](std::uint32_t i) noexcept { return chunks_[i / chunk][i % chunk]; }
    [[nodiscard]] const T& operator[](std::uint32_t i) const noexcept {
        return chunks_[i / chunk][i % chunk];
    }

    /// An index whose object is as its last user left it, or new.
    [[nodiscard]] std::uint32_t take() {
        if (free_.empty()) grow();
        const auto i = free_.back();
        free_.pop_back();
        ++used_;
        return i;
    }

    void give_back(std::uint32_t i) noexcept {
        free_.push_back(i);  // has room: grow reserved for all
        --used_;
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return chunks_.size() * chunk; }
    [[nodiscard]] std::size_t used() const noexcept { return used_; }
    [[nodiscard]] std::size_t bytes() const noexcept {
        return chunks_.size() * chunk * sizeof(T) + free_.capacity() * sizeof(std::uint32_t);
    }

private:
    static constexpr std::uint32_t chunk = 1024;

    void grow() {
        const auto first = static_cast<std::uint32_t>(chunks_.size()) * chunk;
        free_.reserve(std::size_t{first} + chunk);
        chunks_.push_back(std::make_unique<T[]>(chunk));
        for (auto i = chunk; i > 0; --i) free_.push_back(first + i - 1);
    }

    std::vector<std::unique_ptr<T[]>> chunks_;
    std::vector<std::uint32_t> free_;
    std::size_t used_ = 0;
};

}  // namespace leat::detail::queueing

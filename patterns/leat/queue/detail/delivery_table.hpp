#pragma once

#include <leat/queue/detail/slab.hpp>

#include <bit>
#include <cstdint>
#include <vector>

namespace leat::detail::queueing {

/// Finds what is in flight by its delivery number. Open addressing under Fibonacci hashing (Knuth, The Art of
/// Computer Programming, vol. 3, 6.4), which spreads numbers given in turn evenly: as their own hash they
/// would form one run through which each erase had to go.
class delivery_table {
public:
    [[nodiscard]] std::uint32_t find(std::uint64_t d) const noexcept {
        if (slots_.empty()) return none;
        for (auto i = home(d);; i = (i + 1) & mask()) {
            if (slots_[i].d == d) return slots_[i].entry;
            if (slots_[i].d == 0) return none;
        }
    }

    void insert(std::uint64_t d, std::uint32_t entry) {
        if (slots_.size() < 2 * (size_ + 1)) grow();
        place({d, entry});
        ++size_;
    }

    void erase(std::uint64_t d) noexcept {
        auto hole = home(d);
        while (slots_[hole].d != d) hole = (hole + 1) & mask();
        // What stands behind moves up unless that would put it before where it belongs.
        for (auto i = (hole + 1) & mask(); slots_[i].d != 0; i = (i + 1) & mask()) {
            if (((i - home(slots_[i].d)) & mask()) < ((i - hole) & mask())) continue;
            slots_[hole] = slots_[i];
            hole = i;
        }
        slots_[hole] = {};
        --size_;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t memory() const noexcept { return slots_.capacity() * sizeof(slot); }

private:
    struct slot {
        std::uint64_t d = 0;  ///< 0: free
        std::uint32_t entry = none;
    };

    [[nodiscard]] std::uint64_t mask() const noexcept { return slots_.size() - 1; }

    [[nodiscard]] std::uint64_t home(std::uint64_t d) const noexcept {
        return d * 0x9E37'79B9'7F4A'7C15 >> shift_;
    }

    void place(const slot& one) noexcept {
        auto i = home(one.d);
        while (slots_[i].d != 0) i = (i + 1) & mask();
        slots_[i] = one;
    }

    void grow() {
        std::vector<slot> old(slots_.empty() ? 64 : slots_.size() * 2);
        old.swap(slots_);
        shift_ = 64 - static_cast<unsigned>(std::countr_zero(slots_.size()));
        for (const auto& one : old) {
            if (one.d != 0) place(one);
        }
    }

    std::vector<slot> slots_;
    std::size_t size_ = 0;
    unsigned shift_ = 0;
};

}  // namespace leat::detail::queueing

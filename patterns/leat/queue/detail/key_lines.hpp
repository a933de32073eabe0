#pragma once

#include <leat/queue/detail/entry.hpp>
#include <leat/queue/detail/ring.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <vector>

namespace leat::detail::queueing {

/// A message that waits behind its key: 16 bytes. One that has left from the middle is a hole (`rec` is
/// null); neither the first nor the last is one, and they are never many more than the others.
struct waiter {
    record* rec = nullptr;
    std::uint16_t i = 0;
    std::uint8_t priority = 0;
    std::uint32_t entry = none;  ///< It has one when it has a ttl of its own, was delayed or redriven.
};

/// The messages of one key: the first, which is ready, in flight, or holds the key in a back-off, and those
/// that wait behind it in order of place (K1, K2).
struct key_line {
    id128 key = {};
    std::uint32_t head = none;     ///< Entry of the first.
    std::uint32_t delayed = 0;     ///< Messages in their first delay, which will join (K4).
    std::uint32_t heap_at = none;  ///< In the heap of lines by first waiter.
    std::uint32_t live = 0;        ///< Waiters that are not holes.
    std::uint32_t popped = 0;      ///< What `entry::heap_at` of the first waiter is, modulo 2^32.
    ring<waiter> waiting = {};
};
static_assert(sizeof(key_line) == 64);

/// All lines by the hash of their key. A line goes when nothing of its key is left.
class key_lines {
public:
    [[nodiscard]] key_line& operator[](std::uint32_t line) noexcept { return lines_[line]; }
    [[nodiscard]] const key_line& operator[](std::uint32_t line) const noexcept { return lines_[line]; }

    /// The line of a key, made if there is none.
    std::uint32_t of(const id128& key);

    /// Forgets a line that has neither head, waiters nor delayed ones.
    void drop_if_idle(std::uint32_t line);

    [[nodiscard]] std::size_t size() const noexcept { return lines_.used(); }

    /// Looks at `most` lines.
    template <class Visit>
    void first(std::size_t most, Visit visit) const {
        for (const auto i : table_) {
            if (i == none) continue;
            if (most-- == 0) return;
            visit(lines_[i]);
        }
    }

    template <class Visit>
    void each_index(Visit visit) const {
        for (const auto i : table_) {
            if (i != none) visit(i);
        }
    }

    [[nodiscard]] std::size_t memory() const noexcept;
    [[nodiscard]] slab<key_line>& all() noexcept { return lines_; }

private:
    [[nodiscard]] std::uint64_t home(const id128& key) const noexcept {
        return key.low & (table_.size() - 1);
    }
    void grow();

    slab<key_line> lines_;
    std::vector<std::uint32_t> table_;
};

}  // namespace leat::detail::queueing

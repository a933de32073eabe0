#pragma once

#include <leat/queue/detail/record.hpp>
#include <leat/queue/detail/slab.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <limits>

namespace leat::detail::queueing {

inline constexpr ticks never = std::numeric_limits<ticks>::max();

/// The states of section 2 that a message with an entry can be in.
enum class state : std::uint8_t { free, delayed, ready, waiting, in_flight, doomed };

/// What is kept of a message that is not plain, fresh and untouched: in flight, first of its line, delayed,
/// come back, or with a ttl of its own. 96 bytes, from a slab.
struct entry {
    record* rec = nullptr;
    ticks ready_at = 0;
    std::uint64_t d = 0;     ///< Its last delivery in this opening (0: none).
    ticks when = 0;          ///< In flight: when the lease was last renewed. Delayed: due.
    ticks expiry = never;    ///< Queue time.
    ticks delivered_at = 0;  ///< First delivery, queue time (0: none).
    std::uint32_t i = 0;     ///< In its record.
    std::uint32_t line = none;
    std::uint32_t holder = none;                             ///< Handle of who holds it, or held it last.
    std::uint32_t lease_next = none, lease_previous = none;  ///< Of a ready suspect: in the heap by place.
    std::uint32_t held_next = none, held_previous = none;
    /// In the ready, suspect or due heap, of which it is in one at most; of one that waits: in its line.
    std::uint32_t heap_at = none;
    std::uint32_t expiry_at = none;  ///< In the expiry heap.
    std::uint16_t attempts = 0;      ///< Failures charged.
    std::uint16_t deliveries = 0;
    std::uint16_t losses = 0;
    std::uint16_t redrives = 0;
    state is = state::free;
    std::uint8_t priority = 0;
    std::uint8_t releases = 0;  ///< In a row.
    bool suspect : 1 = false;
    bool sole : 1 = false;         ///< Its holder has held nothing else since it was handed out.
    bool lost : 1 = false;         ///< Its last delivery ended by loss, without an outcome (row 11, D2).
    bool first_delay : 1 = false;  ///< Not in its line yet (K4).
    bool own_ttl : 1 = false;
    bool held_back : 1 = false;  ///< In flight, but not sent yet (P5).

    [[nodiscard]] std::uint64_t seq() const noexcept { return rec->seq(i); }
    [[nodiscard]] spot at() const noexcept { return {rec, i}; }
    [[nodiscard]] place where() const noexcept { return {ready_at, seq()}; }
    [[nodiscard]] std::uint64_t weight() const noexcept { return rec->weight(i); }
};
static_assert(sizeof(entry) == 96);  // I18

using entries = slab<entry>;

/// Positions in the heap that an entry is in, for `indexed_heap`.
struct heap_slots {
    entries* of = nullptr;
    std::uint32_t& operator()(std::uint32_t i) const noexcept { return (*of)[i].heap_at; }
};
struct suspect_slots {
    entries* of = nullptr;
    std::uint32_t& operator()(std::uint32_t i) const noexcept { return (*of)[i].lease_next; }
};
struct expiry_slots {
    entries* of = nullptr;
    std::uint32_t& operator()(std::uint32_t i) const noexcept { return (*of)[i].expiry_at; }
};

/// A doubly linked list of entries through two of their members.
template <std::uint32_t entry::*Next, std::uint32_t entry::*Previous>
class entry_list {
public:
    [[nodiscard]] std::uint32_t front() const noexcept { return first_; }
    [[nodiscard]] bool empty() const noexcept { return first_ == none; }

    void push_back(entries& all, std::uint32_t i) noexcept {
        all[i].*Next = none;
        all[i].*Previous = last_;
        (last_ == none ? first_ : all[last_].*Next) = i;
        last_ = i;
    }

    void erase(entries& all, std::uint32_t i) noexcept {
        const auto next = all[i].*Next, previous = all[i].*Previous;
        (previous == none ? first_ : all[previous].*Next) = next;
        (next == none ? last_ : all[next].*Previous) = previous;
    }

private:
    std::uint32_t first_ = none, last_ = none;
};

using lease_list = entry_list<&entry::lease_next, &entry::lease_previous>;
using held_list = entry_list<&entry::held_next, &entry::held_previous>;

}  // namespace leat::detail::queueing

#pragma once

#include <leat/queue/detail/entry.hpp>
#include <leat/queue/detail/indexed_heap.hpp>
#include <leat/queue/queue_types.hpp>

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

namespace leat::detail::queueing {

/// A delivery of a holder that ended by loss and of which it has not given an outcome yet (row 11, D3).
struct lost_delivery {
    std::uint32_t entry = none;  ///< Means the message as long as that has the same `d`.
    bool lease_end = false;
};

/// A consumer as the rules see it.
struct holder {
    id128 consumer = {};
    std::uint32_t handle = none;
    bool live = false;
    bool standby = false;    ///< K7
    bool sole = false;       ///< Has a suspect, and gets nothing else (D4).
    bool drained = false;    ///< Gets nothing until it is idle, to take a suspect (D4).
    bool pure = false;       ///< Its losses say nothing of what it had (C1).
    bool here = false;       ///< In the queue's own process, and what is out is on disk (P5).
    bool held_back = false;  ///< Something that was handed out to it waits for a commit that records it,
    bool recording = false;  ///< and that commit has begun: it gets nothing more before.
    std::uint64_t granted_messages = 0, granted_bytes = 0;  ///< Totals of the session (L5).
    std::uint64_t given_messages = 0, given_bytes = 0;
    std::uint64_t held_bytes = 0;
    std::uint32_t held = 0;
    std::uint32_t barring = 0;  ///< Lost deliveries that D3 counts.
    std::uint32_t heap_at = none;
    std::uint64_t turn = 0;   ///< When it was fed last; ties go to who waits longest.
    std::uint64_t order = 0;  ///< Of its HELLO (K7).
    ticks heard = 0;          ///< Moved by stalls, as leases are.
    ticks forget_at = 0;      ///< When it is lost: until then late acks count (W6).
    held_list all = {};       ///< By `d`.
    std::map<std::uint64_t, lost_delivery> lost = {};
    std::list<std::uint32_t>::iterator in_list = {};

    [[nodiscard]] bool has_credit() const noexcept {
        return given_messages < granted_messages && given_bytes < granted_bytes;
    }
    /// It may be fed, leaving suspects aside.
    [[nodiscard]] bool could_take() const noexcept {
        return live && !standby && barring == 0 && has_credit();
    }
};

/// The consumers, and which of them comes next: with credit, holding the fewest bytes, ties in turn (D1).
class holders {
public:
    holders() : next_(slots{&all_}) {}

    [[nodiscard]] holder* find(std::uint32_t handle) noexcept;
    [[nodiscard]] holder* find(const id128& consumer) noexcept;
    holder& add(const id128& consumer, ticks heard);
    void forget(holder& gone);

    /// Brings the order of who comes next up to date with `h`.
    void update(holder& h);

    struct next_key {
        std::uint64_t bytes, turn;
        friend auto operator<=>(const next_key&, const next_key&) = default;
    };
    struct slots {
        slab<holder>* of;
        std::uint32_t& operator()(std::uint32_t i) const noexcept { return (*of)[i].heap_at; }
    };

    /// The best, and the best but one; null when there is none.
    [[nodiscard]] holder* next() noexcept { return next_.empty() ? nullptr : &all_[next_.top().item]; }
    [[nodiscard]] holder* second() noexcept {
        const auto i = next_.second();
        return i == none ? nullptr : &all_[i];
    }

    void hear(holder& h, ticks heard);
    void lose(holder& h, ticks forget_at);

    /// A lost one says HELLO anew: it joins at the end (K7), and is still the one that lost what it lost
    /// (D2).
    void revive(holder& h, ticks heard);

    /// Live ones, the one heard longest ago first; lost ones, the first to forget first.
    [[nodiscard]] const std::list<std::uint32_t>& live() const noexcept { return live_; }
    [[nodiscard]] const std::list<std::uint32_t>& lost() const noexcept { return lost_; }
    [[nodiscard]] holder& operator[](std::uint32_t index) noexcept { return all_[index]; }
    [[nodiscard]] const holder& operator[](std::uint32_t index) const noexcept { return all_[index]; }

private:
    // A handle is index and generation. At most 30,000 live and as many lost ones are there at a time.
    static constexpr unsigned index_bits = 16;

    [[nodiscard]] static std::uint32_t index(const holder& h) noexcept { return h.handle & 0xFFFF; }

    struct hash {
        std::size_t operator()(const id128& id) const noexcept {
            return static_cast<std::size_t>(id.low ^ id.high);
        }
    };

    slab<holder> all_;
    std::unordered_map<id128, std::uint32_t, hash> by_id_;
    indexed_heap<next_key, slots> next_;
    std::list<std::uint32_t> live_, lost_;
    std::uint64_t hellos_ = 0;
};

}  // namespace leat::detail::queueing

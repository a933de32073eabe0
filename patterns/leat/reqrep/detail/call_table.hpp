#pragma once

#include <leat/deadline.hpp>
#include <leat/reqrep/call_options.hpp>
#include <leat/reqrep/detail/call_header.hpp>
#include <leat/reqrep/detail/completion.hpp>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace leat::detail {

/// A thread inside `call`.
struct call_waiter {
    std::optional<std::condition_variable_any> changed;  // while it follows
    bool done = false;
    answer<bytes> result{call_status::closed};
};

/// A request that a server has.
struct attempt {
    static constexpr std::int32_t none = -1;

    std::int32_t server = none;
    std::uint8_t number = 0;

    [[nodiscard]] bool active() const noexcept { return server != none; }
};

/// An open call. Used again for others, with another generation.
struct open_call {
    using time = deadline::clock::time_point;

    bool open = false;
    call_kind kind = call_kind::request;  // or ping
    std::uint64_t generation = 0;
    std::uint32_t heap_at = 0;  // its place among the timers

    time until;     // the deadline
    time heard;     // the last sign of life
    time retry_at;  // time::max(): not waiting for a retry
    time hedge_at;  // time::max(): no hedge to come

    bool idempotent = false;
    retry_policy retry;
    message body;
    std::string method;
    std::array<attempt, 2> attempts;
    std::uint8_t tries = 0;                         // requests sent so far
    std::int32_t avoid = -1;                        // the server that was lost or refused last
    answer<bytes> refused{call_status::no_server};  // how it ends if nothing better comes

    call_waiter* waiter = nullptr;
    std::unique_ptr<completion> done;

    [[nodiscard]] bool placed() const noexcept { return attempts[0].active() || attempts[1].active(); }
};

/// The open calls of a client, with their timers. Memory grows with the most that were open at a time, and
/// not with those that were answered. Under the client's mutex.
class call_table {
public:
    using index = std::uint32_t;
    using time = open_call::time;

    /// A call's id on the wire: its place, its generation, and which of its requests it is.
    static constexpr unsigned attempt_bits = 8, index_bits = 20;
    static constexpr std::size_t most = std::size_t{1} << index_bits;

    [[nodiscard]] index open();
    void close(index which);

    [[nodiscard]] open_call& operator[](index which) noexcept { return calls_[which]; }
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
    [[nodiscard]] index slots() const noexcept { return static_cast<index>(calls_.size()); }

    [[nodiscard]] std::uint64_t id(index which, std::uint8_t number) const noexcept {
        return (calls_[which].generation << (index_bits + attempt_bits)) |
               (std::uint64_t{which} << attempt_bits) | number;
    }

    /// The open call of that id, or nothing. Any attempt of it.
    [[nodiscard]] open_call* find(std::uint64_t id) noexcept;
    [[nodiscard]] static index index_of(std::uint64_t id) noexcept {
        return static_cast<index>((id >> attempt_bits) & (most - 1));
    }
    [[nodiscard]] static std::uint8_t attempt_of(std::uint64_t id) noexcept {
        return static_cast<std::uint8_t>(id & ((1u << attempt_bits) - 1));
    }

    /// Sets when the call is to be looked at.
    void wake_at(index which, time next);

    /// The call to be looked at first; only while there are calls.
    [[nodiscard]] index first() const noexcept { return heap_.front().call; }
    [[nodiscard]] time first_time() const noexcept {
        return heap_.empty() ? time::max() : heap_.front().next;
    }

private:
    void sift_up(std::uint32_t at) noexcept;
    void sift_down(std::uint32_t at) noexcept;
    struct timer {
        time next;  // when the call wants to be looked at: the earliest of its times that count
        index call;
    };
    void put(std::uint32_t at, const timer& one) noexcept {
        heap_[at] = one;
        calls_[one.call].heap_at = at;
    }

    std::deque<open_call> calls_;
    std::vector<index> free_;
    std::vector<timer> heap_;  // a binary heap of the open calls by `next`
};

}  // namespace leat::detail

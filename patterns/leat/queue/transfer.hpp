#pragma once

#include <leat/context.hpp>
#include <leat/deadline.hpp>
#include <leat/options.hpp>
#include <leat/status.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace leat {

/// Where a queue is: its endpoint, and its name there.
struct queue_address {
    std::string at = {};
    std::string queue = {};
};

struct transfer_options {
    /// By which the queue at the other end knows its repeats, 1 to 255 bytes. Transfers between the same two
    /// queues, in one process or several, share the work; they need the same name.
    std::string name = {};
    queue_address from = {};
    queue_address to = {};

    /// Allows a `to` that promises less than `from`: what is confirmed there may then be lost with it.
    bool weaker_ok = false;

    /// Messages and bytes that are under way at the most.
    std::size_t prefetch = 4096;
    std::size_t prefetch_bytes = 4u << 20;

    /// How long the destructor waits for what is under way.
    std::chrono::milliseconds linger = std::chrono::seconds{1};

    socket_options socket = {};

    /// @throws leat::error (`errc::bad_option`)
    void check() const;
};

/// What a transfer has done since it began.
struct transfer_counts {
    std::uint64_t moved = 0;     ///< Stored at the other end, and acked.
    std::uint64_t repeated = 0;  ///< Of these, stored there before: the ack had not come through.
    std::uint64_t rejected = 0;  ///< Refused for good, and rejected: to the dead letters of `from`.
    std::uint64_t under_way = 0;
};

/// Moves messages from one queue to another. Each is acked only after the other queue has confirmed it, so it
/// is in one of them at any moment, whoever dies; and that queue remembers what it was made of, so a repeat
/// is stored once (docs/queue.md).
///
/// Keys, ids, priorities and headers stay, and the order within a key; without keys the order stays unless a
/// transfer is lost with what it had. What is left of a ttl counts on. While `to` cannot be
/// reached, or refuses for now, what is under way waits and is tried again for as long as it takes. What
/// `to` refuses for good (too large, a bad attribute, more than 16 hops) is rejected.
///
/// Runs on a thread of its own. Thread-safe; only `wait_ready`, `close` and the destructor wait. It may
/// outlive its context, and has ended then.
class transfer {
public:
    /// Waits for neither queue.
    /// @throws leat::error: `bad_option`, `bad_endpoint`, and what `socket` throws.
    transfer(context& ctx, transfer_options options);
    ~transfer();
    transfer(transfer&&) noexcept;
    transfer& operator=(transfer&&) noexcept;

    /// Waits until both queues have answered.
    /// @throws leat::error (`errc::bad_option`) when `to` promises less than `from`, and that is not allowed
    [[nodiscard]] status wait_ready(deadline until);

    [[nodiscard]] transfer_counts counts() const;

    /// Takes nothing any more, waits for what is under way, and ends it. `timeout` when some had no answer:
    /// it goes back to its place in `from`, and is stored once if it comes again.
    status close(deadline until);

private:
    class work;
    std::unique_ptr<work> work_;
};

}  // namespace leat

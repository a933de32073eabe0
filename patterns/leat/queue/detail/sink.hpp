#pragma once

#include <leat/message.hpp>
#include <leat/queue/detail/record.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <span>

namespace leat::detail::queueing {

/// A range of delivery numbers or put numbers, both ends inclusive.
struct number_range {
    std::uint64_t first = 0, last = 0;
};

/// Verdicts of contiguous puts of one producer, in sequence order (W4, I13).
struct verdict_range {
    std::uint32_t producer = 0;
    std::uint64_t first = 0, last = 0;
    verdict what = verdict::stored;
    put_refusal why = put_refusal::none;
    std::uint64_t seq = 0;  ///< Of the first, when stored just now: the others follow.
};

/// One delivery (W5).
struct delivery_view {
    std::uint64_t d = 0;
    std::uint64_t seq = 0;
    std::span<const std::byte> head;  ///< The attributes as they were put.
    std::span<const std::byte> body;
    message* block = nullptr;      ///< Has the body; may be shared. Neighbours often follow each other in it.
    std::uint32_t attempts = 0;    ///< Charged so far.
    std::uint32_t deliveries = 0;  ///< Before this one.
    std::uint8_t priority = 0;
    ticks ttl_left = 0;  ///< Of its own ttl, 0: it has none.
};

/// Takes what a pass brings forth. Called in the middle of it: it may keep or send what it is given, whose
/// views last as long as the call, and must not call the engine.
class sink {
public:
    virtual ~sink() = default;
    virtual void decided(const verdict_range& verdicts) = 0;

    /// At most 64 messages, and at most 64 KiB unless it is one message (D1), with `d` in turn.
    virtual void deliver(std::uint32_t holder, std::span<const delivery_view> batch) = 0;

    /// All outcomes given before `settle` returned this number or a lower one are committed.
    virtual void committed(std::uint64_t outcomes) = 0;

    /// The queue has ended a consumer: it was silent for too long, or barred while it was the exclusive one
    /// (K7).
    virtual void consumer_lost(std::uint32_t holder) = 0;

    /// The lease of a delivery has ended, and its consumer lives.
    virtual void delivery_lost(std::uint32_t holder, std::uint64_t d) = 0;

    /// An exclusive queue feeds this consumer from now on.
    virtual void consumer_active(std::uint32_t holder) = 0;

    /// A producer's puts have begun to wait for room, or do not wait any more: no grants meanwhile (L6).
    virtual void producer_parked(std::uint32_t producer, bool parked) = 0;
};

}  // namespace leat::detail::queueing

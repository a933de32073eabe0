#pragma once

#include <leat/message.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace leat::detail::queueing {

/// Nanoseconds: of queue time (T1), or of the monotonic clock.
using ticks = std::int64_t;

/// Where a message stands in the order of its queue (section 1). Never changes.
struct place {
    ticks ready_at = 0;
    std::uint64_t seq = 0;
    friend auto operator<=>(const place&, const place&) = default;
};

/// What a record knows of one message beside its size. A number below 10 is a plain fresh message of that
/// priority; all others have something of their own to say and are known to another index.
using tag = std::uint8_t;
inline constexpr std::uint8_t priorities = 10;
inline constexpr tag tag_special = 14;
inline constexpr tag tag_gone = 15;

/// Messages admitted together: contiguous `seq`, bodies in one block, and two bytes of index a message (four
/// when one has 4 KiB or more), beside one offset in 32.
///
/// The block is the producer's own frame, shared, or one that small bodies were copied to. When seven eighths
/// of it are dead the rest is moved to a block of its own, so that one old message pins no frame (as P4 does
/// on disk). Of a cold record the sizes and attributes of what is dead go.
class record {
public:
    static constexpr std::uint32_t most = 2048;

    /// Bodies lie in `block` one after the other from `base`. A shared block is only read.
    void open(std::uint64_t number, std::uint64_t first_seq, message block, std::size_t base, bool shared);

    /// Adds one, admitted at `now`. Its body is already in the block, behind the one before it.
    std::uint32_t append(ticks now, std::uint32_t body_size, std::span<const std::byte> head, tag as);

    /// Ends a message: its body and attributes may go.
    void end(std::uint32_t i);

    /// Moves what is left to a block of its own, if that is worth it, and no commit refers to this one.
    void compact();
    /// Lets go of what has ended, whether it is worth it or not. In no commit.
    void drop_ended() { rewrite(); }

    /// Says that nothing will be appended any more.
    void seal();

    /// A cold record has its bodies in the store only. Sealed, and in no commit.
    [[nodiscard]] bool cold() const noexcept { return cold_; }
    void chill();
    /// Bodies again: one behind the other, of the sizes that are known here.
    void warm(message block);
    [[nodiscard]] std::size_t body_bytes() const noexcept { return used_; }

    /// Bytes of bodies and attributes: of what has not ended, of all that was added until it was sealed, and
    /// of what the store has of it (0: it is not there).
    [[nodiscard]] std::size_t live_bytes() const noexcept { return live_bytes_; }
    [[nodiscard]] std::size_t added_bytes() const noexcept { return added_bytes_; }
    [[nodiscard]] std::size_t stored_bytes() const noexcept { return stored_bytes_; }
    void set_stored(std::size_t bytes) noexcept { stored_bytes_ = bytes; }
    /// P4: of what the store has of it under an eighth is live, and over `most_dead` bytes are not.
    [[nodiscard]] bool sparse(std::size_t most_dead) const noexcept {
        return stored_bytes_ / 8 > live_bytes_ && stored_bytes_ - live_bytes_ > most_dead && live_ > 0;
    }

    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
    [[nodiscard]] std::uint64_t seq(std::uint32_t i) const noexcept { return first_seq_ + i; }
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint32_t live() const noexcept { return live_; }
    [[nodiscard]] bool shared() const noexcept { return shared_; }
    [[nodiscard]] ticks admitted_at(std::uint32_t i) const noexcept;
    [[nodiscard]] place place_of(std::uint32_t i) const noexcept { return {admitted_at(i), seq(i)}; }

    [[nodiscard]] tag tag_of(std::uint32_t i) const noexcept {
        return static_cast<tag>(wide_.empty() ? narrow_[i] >> narrow_bits : wide_[i] >> wide_bits);
    }
    void set_tag(std::uint32_t i, tag as) noexcept;
    [[nodiscard]] std::uint32_t body_size(std::uint32_t i) const noexcept {
        return wide_.empty() ? narrow_[i] & ((1U << narrow_bits) - 1) : wide_[i] & ((1U << wide_bits) - 1);
    }
    [[nodiscard]] std::span<const std::byte> head(std::uint32_t i) const noexcept;
    [[nodiscard]] std::size_t body_offset(std::uint32_t i) const noexcept;
    [[nodiscard]] std::span<const std::byte> body(std::uint32_t i) const noexcept {
        return {bytes_ + body_offset(i), body_size(i)};
    }
    [[nodiscard]] message& block() noexcept { return block_; }

    /// Messages from `from` on were admitted at `at`.
    struct stamp {
        std::uint32_t from = 0;
        ticks at = 0;
    };
    [[nodiscard]] std::span<const stamp> stamps() const noexcept { return stamps_; }

    /// All bodies, one behind the other. Not of a cold one, as with `body`.
    [[nodiscard]] std::span<const std::byte> bodies() const noexcept { return {bytes_ + base_, used_}; }
    /// Of all attributes.
    [[nodiscard]] std::size_t head_bytes() const noexcept { return heads_.size(); }

    /// L2: attributes, body and 64 bytes.
    [[nodiscard]] std::uint64_t weight(std::uint32_t i) const noexcept {
        return body_size(i) + (head_ends_.empty() ? 0 : head(i).size()) + 64;
    }

    /// Where the next body belongs, and how much of the block is left for it.
    [[nodiscard]] std::byte* tail() noexcept { return bytes_ + base_ + used_; }
    [[nodiscard]] std::size_t room() const noexcept { return block_size_ - base_ - used_; }
    [[nodiscard]] const std::byte* begin() const noexcept { return bytes_; }

    [[nodiscard]] std::size_t memory() const noexcept;

    std::uint32_t commits = 0;  ///< Unfinished commits that refer to it.
    record* next = nullptr;     ///< All records of a queue, and the unused ones, as lists.
    record* previous = nullptr;
    record* warm_next = nullptr;  ///< Those that the store can give bodies back to, as another list.
    record* warm_previous = nullptr;
    std::size_t warm_size = 0;      ///< 0: it is not in that list.
    record* sparse_next = nullptr;  ///< Those that the store is to rewrite, as another list.
    record* sparse_previous = nullptr;
    std::uint64_t sparse_turn = 0;  ///< When it came there; 0: it is not in that list.

private:
    static constexpr unsigned narrow_bits = 12, wide_bits = 28;
    static constexpr std::uint32_t stride = 32;

    void take(message block);
    void widen();
    void rewrite();

    std::uint64_t number_ = 0, first_seq_ = 0;
    message block_;
    std::byte* bytes_ = nullptr;  ///< What asking libzmq each time would give.
    std::size_t block_size_ = 0;
    std::size_t base_ = 0, used_ = 0, live_bytes_ = 0, added_bytes_ = 0, stored_bytes_ = 0;
    std::uint32_t count_ = 0, live_ = 0;
    bool sealed_ = false, shared_ = false, cold_ = false;
    std::vector<std::uint16_t> narrow_;
    std::vector<std::uint32_t> wide_;
    std::vector<std::uint32_t> offsets_;
    std::vector<stamp> stamps_;
    std::vector<std::byte> heads_;
    std::vector<std::uint32_t> head_ends_;
};

/// One message of a record.
struct spot {
    record* rec = nullptr;
    std::uint32_t i = 0;
};

}  // namespace leat::detail::queueing

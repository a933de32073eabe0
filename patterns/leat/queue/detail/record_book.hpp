#pragma once

#include <leat/queue/detail/record.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace leat::detail::queueing {

/// A record that a commit rewrites without what has ended (P4).
struct rewritten_record {
    std::uint64_t number = 0;
    std::size_t live_bytes = 0;  ///< That are left of it.
};

/// All records of a queue. Small bodies are gathered in an open record, a large frame becomes a record as it
/// is.
class record_book {
public:
    record_book() = default;
    ~record_book();
    record_book(const record_book&) = delete;
    record_book& operator=(const record_book&) = delete;

    /// Stores a message under `seq`, which is one more than the last. With `frame`, `body` lies in it and is
    /// shared, not copied.
    spot add(std::uint64_t seq, ticks now, std::span<const std::byte> body, std::span<const std::byte> head,
             tag as, message* frame);

    /// The number of a record that has become empty and was closed by `add`, else 0. To be asked after each.
    [[nodiscard]] std::uint64_t take_closed_empty() noexcept { return std::exchange(closed_empty_, 0); }

    /// Takes a record over that is not empty. They come in ascending order, before anything is added.
    record* adopt(std::unique_ptr<record> rec);
    /// The numbers up to this one have been used.
    void begin_after(std::uint64_t last) noexcept { last_number_ = last; }

    /// What is added from now on goes to a new record. Returns the number of the old one if it is empty, else
    /// 0.
    std::uint64_t close_open();

    /// Ends a message; the record goes with its last one, unless a commit still refers to it.
    /// Returns the number of a record that is empty now, else 0.
    std::uint64_t end(spot at);

    /// To be called when `rec->commits` has fallen to 0: it may go now, or what is dead of it. True if it
    /// went.
    bool drop_if_empty(record* rec);

    /// The store can give its bodies back: it was written, or they were fetched. New ones are cold at once
    /// when there are many warm ones, as what was put last is taken last.
    void stored(record* rec);
    void fetched(record* rec) { keep_warm(rec); }
    void bound_warm(std::size_t bytes) noexcept { most_warm_ = bytes; }
    /// Makes those that became warm first cold, until few enough are left. Not while views are about.
    void trim();

    /// P4: adds records for the commit that starts now to rewrite: those that were sparse already when the
    /// one before it started, as most others are empty soon. At most 32, or 4 MiB of what the store has.
    void take_sparse(std::vector<rewritten_record>& to);
    [[nodiscard]] bool has_sparse() const noexcept { return first_sparse_ != nullptr; }
    /// The commit that rewrote them is good.
    void rewritten(std::span<const rewritten_record> all);
    /// How much of a record may be dead. P4 has 64 KiB; here it is a quarter, since the blocks of small
    /// messages have 32 KiB.
    void bound_dead(std::size_t bytes) noexcept { most_dead_ = bytes; }

    [[nodiscard]] std::size_t memory() const noexcept;

    /// No message that is there has a lower number; with none, `next`.
    [[nodiscard]] std::uint64_t lowest(std::uint64_t next) const noexcept;

private:
    static constexpr std::size_t block_size = 32 << 10;
    static constexpr int kept = 8;

    record* make(std::uint64_t seq, message block, std::size_t base, bool shared);
    record* link(record* rec);
    void keep_warm(record* rec);
    void leave_warm(record* rec);
    void look_if_sparse(record* rec);
    void leave_sparse(record* rec);

    record* all_ = nullptr;     ///< The newest first,
    record* oldest_ = nullptr;  ///< and the last.
    record* open_ = nullptr;
    record* spare_ = nullptr;
    record* first_warm_ = nullptr;
    record* last_warm_ = nullptr;
    std::size_t warm_bytes_ = 0, most_warm_ = 64 << 20;
    record* first_sparse_ = nullptr;
    record* last_sparse_ = nullptr;
    std::uint64_t sparse_turn_ = 1;
    std::size_t most_dead_ = 16 << 10;
    int spares_ = 0;
    std::uint64_t last_number_ = 0, closed_empty_ = 0;
};

}  // namespace leat::detail::queueing

#pragma once

#include <leat/queue/detail/custody.hpp>
#include <leat/queue/detail/letter.hpp>
#include <leat/queue/detail/record.hpp>
#include <leat/queue/detail/record_book.hpp>
#include <leat/queue/queue_stat.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace leat::detail::queueing {

/// Messages of one record that a commit stores. With `special` below they are all that a reopening must know.
struct stored_part {
    record* rec = nullptr;
    std::uint32_t begin = 0, end = 0;
    bool carry = false;  ///< Taken already: a failed commit leaves them for the next one.
};

/// What is stored of a message that is not plain.
struct special {
    spot at = {};
    id128 key = {};      ///< Hash, zero: none.
    ticks due = 0;       ///< 0: at once.
    ticks ttl = 0;       ///< Its own, 0: none.
    bool carry = false;  ///< As of its part.
    std::uint16_t redrives = 0;
    std::uint8_t priority = 0;
};

struct gone_range {
    std::uint64_t record = 0;
    std::uint32_t first = 0, last = 0;  ///< Both inclusive.
    std::uint64_t seq = 0;              ///< Of the first.
};

/// The `touched` row of a message (section 2); why it is doomed is in `commit_batch::doomed`.
struct touched_row {
    std::uint64_t seq = 0;
    std::uint16_t attempts = 0;
    bool suspect = false;
    ticks due = 0;
};

/// Messages that a consumer in the queue's own process holds (P5).
struct out_range {
    std::uint64_t first = 0, last = 0;  ///< seq, both inclusive.
    bool sole = false;                  ///< As suspects are (D4): its holder gets nothing else.
};

/// Numbers of a producer that were refused (U1).
struct refused_range {
    std::uint64_t first = 0, last = 0;
    put_refusal why = put_refusal::none;
};

/// In the order in which they are written: a later row of a producer replaces an earlier one.
struct producer_row {
    id128 id = {};
    std::uint64_t last = 0;  ///< 0 with `forgotten`.
    std::vector<refused_range> refused = {};
    ticks contact = 0;
    bool forgotten = false;
};

struct letter_row {
    std::uint64_t seq = 0;
    letter what = {};
};

/// All marks of a source (U6). As for producers, a later row replaces an earlier one.
struct mark_row {
    custody_source of = {};
    std::uint64_t floor = 0;
    ticks contact = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges = {};  ///< seq, both inclusive, ascending.
    bool forgotten = false;
};

/// What one queue changes in one commit (P2).
struct commit_batch {
    std::vector<stored_part> parts;
    std::vector<special> specials;
    std::vector<id128> ids;
    std::vector<producer_row> producers;
    std::vector<mark_row> marks;
    std::vector<gone_range> gone;
    std::vector<std::uint64_t> emptied;  ///< Records of which nothing is left.
    std::vector<rewritten_record> rewritten;
    std::vector<touched_row> touched;
    std::vector<letter_row> letters;
    std::vector<letter_row> doomed;  ///< By their own seq: with the letters that they become (row 20).
    std::vector<out_range> out;      ///< All of them, ascending.
    queue_counts counts = {};
    ticks qt = 0;
    std::uint64_t next_seq = 0;
    bool takes_paused = false, puts_paused = false;
    bool changed = false;

    void clear();
};

/// Ids that were stored by one commit, at that queue time.
struct id_row {
    ticks at = 0;
    std::vector<id128> ids = {};
};

/// A queue as a store has found it at its opening: the last commit, and nothing else (I15).
struct recovered_queue {
    std::vector<std::unique_ptr<record>> records;  ///< Ascending; sealed, with what has ended tagged as gone.
    std::vector<std::uint64_t> emptied;            ///< Others, of which nothing is left.
    std::uint64_t last_record = 0;
    std::vector<special> specials;  ///< Of what has not ended. Its `carry` means nothing.
    std::vector<touched_row> touched;
    std::vector<letter_row> letters, doomed;
    std::vector<producer_row> producers;
    std::vector<mark_row> marks;
    std::vector<id_row> ids;     ///< Oldest first.
    std::vector<out_range> out;  ///< As of the last commit; nothing after an opening that was closed.
    bool clean = true;           ///< The opening before this one was closed, or there was none.
    queue_counts counts = {};
    ticks qt = 0;
    std::uint64_t next_seq = 1;
    bool takes_paused = false, puts_paused = false;
};

/// Where an engine keeps what must outlive it. Called from the engine's thread only; a store that writes does
/// so on a thread of its own and hands results over in `poll`.
class store {
public:
    virtual ~store() = default;

    /// Writes the changes of a queue and of its dead letters in one transaction. Takes what it needs of the
    /// batches, and of the records that they name, before it returns; one commit at a time.
    virtual void commit(std::span<const commit_batch* const> queues) = 0;

    /// How the commit under way has ended: true for success. Nothing while it lasts.
    [[nodiscard]] virtual std::optional<bool> poll() = 0;

    /// Blocks until `poll` has an answer, if a commit is under way.
    virtual void wait() = 0;

    /// True when `poll` answers as soon as `commit` returns, so that gathering outcomes for a while saves
    /// nothing.
    [[nodiscard]] virtual bool immediate() const noexcept = 0;

    /// False while puts must be refused because writing fails (P8); outcomes go on.
    [[nodiscard]] virtual bool accepts_puts() const noexcept = 0;

    /// Reads the bodies of a cold record, of the queue or of its dead letters. False when that failed.
    [[nodiscard]] virtual bool fetch(record& rec, bool dead) = 0;
};

/// The store of a queue in memory: the records that the engine holds are all there is.
class memory_store final : public store {
public:
    void commit(std::span<const commit_batch* const>) override {}
    [[nodiscard]] std::optional<bool> poll() override { return true; }
    void wait() override {}
    [[nodiscard]] bool immediate() const noexcept override { return true; }
    [[nodiscard]] bool accepts_puts() const noexcept override { return true; }
    [[nodiscard]] bool fetch(record&, bool) override { return false; }
};

}  // namespace leat::detail::queueing

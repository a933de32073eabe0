#pragma once

#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/store_layout.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace leat::detail::queueing {

/// What one queue changes in one commit, copied from its batch so that the queue may go on.
struct store_changes {
    struct encoded {
        std::uint64_t number = 0;
        std::size_t begin = 0, end = 0;  ///< In `bytes`.
    };
    octets bytes;
    std::vector<encoded> records;
    std::vector<gone_range> gone;
    std::vector<std::uint64_t> emptied;
    std::vector<rewritten_record> rewritten;
    std::vector<out_range> out;
    std::vector<touched_row> touched;
    std::vector<letter_row> letters, doomed;
    std::vector<producer_row> producers;
    std::vector<id128> ids;
    store_state state;
    bool refusable = false;  ///< It has puts that have no verdict yet.

    void take(const commit_batch& batch);
};

/// The tables of one queue (store_layout.hpp), and how a commit changes them.
class store_tables {
public:
    /// 0: a queue, 1: its dead letters.
    explicit store_tables(int which)
        : prefix_(std::to_string(which) + "."), state_row_(prefix_ + "state"), out_row_(prefix_ + "out") {}

    /// Ids are kept for `span`, and `most` of them.
    void keep_ids(ticks span, std::uint64_t most) noexcept {
        id_span_ = span;
        most_ids_ = most;
    }

    /// Makes what is not there. @throws lmdb::failure
    void open(lmdb::transaction& in);

    /// @throws lmdb::failure, leat::error (`store_unreadable`) naming the row that is damaged
    [[nodiscard]] recovered_queue read(lmdb::transaction& in);

    /// Nothing is out any more. @throws lmdb::failure
    void clear_out(lmdb::transaction& in) { in.erase(meta_, std::as_bytes(std::span{out_row_})); }

    /// The bodies of a record, or nothing when they are damaged. @throws lmdb::failure
    [[nodiscard]] std::optional<message> bodies(lmdb::transaction& in, const record& rec) const;

    /// Bytes of the pages that messages take. @throws lmdb::failure
    [[nodiscard]] std::uint64_t bytes(lmdb::transaction& in) const { return in.bytes(records_); }

    /// @throws lmdb::failure; then nothing of it may be committed
    void write(lmdb::transaction& in, store_changes& all);

    /// The transaction in which `write` was called is committed, or that failed: then it may be in the file
    /// all the same, and the next `write` takes out of it what `all` has added.
    void written(const store_changes& all, bool good);

private:
    struct kept_ids {
        std::uint64_t row = 0;
        ticks at = 0;
        std::uint64_t n = 0;
    };

    [[noreturn]] void damaged(const char* table, std::uint64_t key) const;
    void take_out_unsure(lmdb::transaction& in);
    void put(lmdb::transaction& in, MDB_dbi table, std::span<const std::byte> key);
    [[nodiscard]] std::span<const std::byte> gone_of(lmdb::transaction& in, std::uint64_t record) const;
    void write_records(lmdb::transaction& in, store_changes& all);
    void write_gone(lmdb::transaction& in, std::vector<gone_range>& gone);
    void rewrite_records(lmdb::transaction& in, const std::vector<rewritten_record>& all);
    void write_out(lmdb::transaction& in, const std::vector<out_range>& all);
    void write_ids(lmdb::transaction& in, const store_changes& all);
    static void erase_range(lmdb::transaction& in, MDB_dbi table, std::uint64_t first, std::uint64_t last);
    template <class Row>
    void put_rows(lmdb::transaction& in, MDB_dbi table, const std::vector<Row>& rows);
    template <class Row, class Decode>
    void read_rows(lmdb::transaction& in, MDB_dbi table, const char* name, std::vector<Row>& to,
                   Decode decode);
    void read_records(lmdb::transaction& in, recovered_queue& to);

    [[nodiscard]] std::span<const std::byte> state_row() const noexcept {
        return std::as_bytes(std::span{state_row_});
    }

    std::string prefix_, state_row_, out_row_;
    MDB_dbi meta_ = 0, records_ = 0, gone_ = 0, touched_ = 0, letters_ = 0, doomed_ = 0, producers_ = 0,
            ids_ = 0;
    ticks id_span_ = 0;
    std::uint64_t most_ids_ = 0, ids_kept_ = 0, next_ids_ = 1;
    std::deque<kept_ids> id_rows_;
    std::size_t ids_expired_ = 0;        ///< Rows that the transaction under way has erased,
    bool ids_added_ = false;             ///< and whether it has added one.
    std::vector<std::uint64_t> unsure_;  ///< Records of commits that have failed since the last good one.
    octets scratch_;
};

}  // namespace leat::detail::queueing

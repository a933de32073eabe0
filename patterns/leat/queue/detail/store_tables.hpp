#pragma once

#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/staged_rows.hpp>
#include <leat/queue/detail/store_layout.hpp>
#include <leat/queue/detail/table_handles.hpp>

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
    std::vector<mark_row> marks;
    std::vector<id128> ids;
    store_state state;
    bool refusable = false;  ///< It has puts that have no verdict yet.

    void take(const commit_batch& batch);
};

/// The tables of one queue (store_layout.hpp), and how a commit changes them.
class store_tables {
public:
    /// `which` is 0 for a queue, 1 for its dead letters.
    store_tables(int which, const table_handles& tables)
        : which_(which),
          tables_(tables),
          prefix_(std::to_string(which) + "."),
          state_row_(prefix_ + "state"),
          out_row_(prefix_ + "out") {}

    /// Ids are kept for `span`, and `most` of them.
    void keep_ids(ticks span, std::uint64_t most) noexcept {
        id_span_ = span;
        most_ids_ = most;
    }

    /// @throws lmdb::failure, leat::error (`store_unreadable`) naming the row that is damaged
    [[nodiscard]] recovered_queue read(lmdb::transaction& in);

    /// Nothing is out any more. @throws lmdb::failure
    void clear_out(lmdb::transaction& in) { in.erase(tables_[meta_table], out_row()); }

    /// The bodies of a record, or nothing when they are damaged. @throws lmdb::failure, journal::failure
    [[nodiscard]] std::optional<message> bodies(lmdb::transaction& in, const staged_rows& over,
                                                const record& rec) const;

    /// Bytes of the pages that messages take. @throws lmdb::failure
    [[nodiscard]] std::uint64_t bytes(lmdb::transaction& in) const {
        return in.bytes(handle(rows_of::records));
    }

    /// @throws lmdb::failure, journal::failure; then nothing of it may be committed
    void write(staged_rows& in, store_changes& all);

    /// The commit for which `write` was called has ended, or failed: then it may be in the file all the same,
    /// and the next `write` takes out of it what `all` has added.
    void written(const store_changes& all, bool good);

private:
    struct kept_ids {
        std::uint64_t row = 0;
        ticks at = 0;
        std::uint64_t n = 0;
    };

    [[nodiscard]] table_id id(rows_of what) const noexcept { return id_of(which_, what); }
    [[nodiscard]] MDB_dbi handle(rows_of what) const noexcept { return tables_[id(what)]; }
    [[noreturn]] static void damaged(table_id table, std::uint64_t key);
    [[nodiscard]] std::span<const std::byte> open_gone(
        std::uint64_t record, const std::optional<std::span<const std::byte>>& row) const;
    void take_out_unsure(staged_rows& in);
    void put(staged_rows& in, table_id table, std::span<const std::byte> key);
    [[nodiscard]] std::span<const std::byte> gone_of(staged_rows& in, std::uint64_t record) const;
    void write_records(staged_rows& in, store_changes& all);
    void write_gone(staged_rows& in, std::vector<gone_range>& gone);
    void rewrite_records(staged_rows& in, const std::vector<rewritten_record>& all);
    void write_out(staged_rows& in, const std::vector<out_range>& all);
    void write_ids(staged_rows& in, const store_changes& all);
    void write_marks(staged_rows& in, const std::vector<mark_row>& all);
    void read_marks(lmdb::transaction& in, recovered_queue& to);
    template <class Row>
    void put_rows(staged_rows& in, rows_of what, const std::vector<Row>& rows);
    template <class Row, class Decode>
    void read_rows(lmdb::transaction& in, rows_of what, std::vector<Row>& to, Decode decode);
    void read_records(lmdb::transaction& in, recovered_queue& to);

    [[nodiscard]] std::span<const std::byte> state_row() const noexcept {
        return std::as_bytes(std::span{state_row_});
    }
    [[nodiscard]] std::span<const std::byte> out_row() const noexcept {
        return std::as_bytes(std::span{out_row_});
    }

    const int which_;
    const table_handles& tables_;
    std::string prefix_, state_row_, out_row_;
    ticks id_span_ = 0;
    std::uint64_t most_ids_ = 0, ids_kept_ = 0, next_ids_ = 1;
    std::deque<kept_ids> id_rows_;
    std::size_t ids_expired_ = 0;        ///< Rows that the transaction under way has erased,
    bool ids_added_ = false;             ///< and whether it has added one.
    std::vector<std::uint64_t> unsure_;  ///< Records of commits that have failed since the last good one.
    octets scratch_;
};

}  // namespace leat::detail::queueing

#pragma once

#include <leat/queue/detail/journal_rows.hpp>
#include <leat/queue/detail/page_file.hpp>
#include <leat/queue/detail/store_layout.hpp>
#include <leat/queue/store_contents.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace leat::detail::queueing {

/// Goes through the tables of one queue, as its journal has left them, and says which rows are damaged or do
/// not fit the others. It goes on behind what is damaged: `read`, then `add_lost` for what other pages of the
/// file have, then `check`.
class store_survey {
public:
    using bytes = std::span<const std::byte>;
    /// Is given each row that is good and fits the others, opened.
    using keeper = std::function<void(table_id table, bytes key, bytes value)>;

    /// 0: a queue, 1: its dead letters.
    store_survey(lmdb::page_file& file, const journal_rows& over, int which, bool bodies,
                 std::vector<std::string>& damages, keeper keep = {});

    void read(const meta_rows& meta);
    /// A record that no page of its table leads to any more. Others than records are left alone.
    void add_lost(bytes key, bytes value);
    void check();

    /// Some of the table of records is damaged, so that other pages may have what belongs there.
    [[nodiscard]] bool records_missing() const noexcept { return records_missing_; }

    /// Nothing when it is damaged; before the first commit all is at its beginning.
    [[nodiscard]] const std::optional<store_state>& state() const noexcept { return state_; }

    stored_messages found;
    std::vector<lost_record> lost;
    std::uint64_t producers = 0, ids = 0, sources = 0;
    std::uint64_t next_seq = 1;  ///< Behind all messages that were found.
    ticks latest = 0;            ///< When the last of them was put.

private:
    using decoder = std::function<bool(std::uint64_t, bytes)>;
    using rows = std::map<std::uint64_t, octets>;

    void damage(const std::string& what);
    void lose(std::uint64_t number, std::optional<std::uint64_t> messages, const std::string& why);
    bool each(table_id table, const std::string& name, const lmdb::page_file::visitor& visit,
              const lmdb::page_file::wanted& how_much = {});
    bool each(rows_of what, const lmdb::page_file::visitor& visit,
              const lmdb::page_file::wanted& how_much = {});
    void read_marks();
    void read_rows(rows_of what, rows& to, const decoder& good);
    void check_state(const meta_rows& meta);
    void check_out(const meta_rows& meta);
    void look_at_record(std::uint64_t number, bytes value);
    void check_rows(rows_of what, const rows& some);
    void check_gone();
    void check_letters();
    void check_counts();
    [[nodiscard]] bool live(std::uint64_t seq) const;
    [[nodiscard]] bool ended(std::uint64_t record, std::uint64_t i) const;
    /// So rows of other tables may have what is not there: that is no damage of their own.
    [[nodiscard]] bool records_lost() const noexcept { return records_missing_ || !lost.empty(); }
    void keep(rows_of what, bytes key, bytes value) const;

    lmdb::page_file& file_;
    const journal_rows& over_;
    const int which_;
    const std::string prefix_;
    const bool bodies_;
    std::vector<std::string>& damages_;
    const keeper keep_;
    std::optional<store_state> state_;
    bool records_missing_ = false, damaged_ = false;
    rows gone_, touched_, doomed_, letters_;  ///< By record, and by seq.
    struct extent {
        std::uint64_t number = 0;
        std::uint32_t count = 0;
    };
    std::map<std::uint64_t, extent> records_;        ///< By first seq.
    std::map<std::uint64_t, std::uint32_t> counts_;  ///< By number.
};

/// How many messages a queue has by its counts (I1).
[[nodiscard]] std::uint64_t live_by_counts(const queue_counts& counts, bool dead) noexcept;

}  // namespace leat::detail::queueing

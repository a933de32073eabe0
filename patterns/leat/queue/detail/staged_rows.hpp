#pragma once

#include <leat/queue/detail/journal.hpp>
#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/table_handles.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace leat::detail::queueing {

/// Which row of a store.
struct row_place {
    table_id table = 0;
    std::uint64_t number = 0;          ///< Its key, of a table with number keys,
    std::vector<std::byte> name = {};  ///< and else this one.

    row_place(table_id of, std::span<const std::byte> key);
    [[nodiscard]] std::span<const std::byte> key() const noexcept;
    friend auto operator<=>(const row_place&, const row_place&) = default;
};

/// The tables of a store as its commits have left them, over the file, which does not have the last ones yet:
/// the rows that they have changed are kept here or in the journal. A commit changes rows, and is then either
/// kept or dropped; now and then all that was kept is applied to the file. What is put and erased again
/// meanwhile never gets there.
///
/// For the thread that commits; `kept_record` also beside it, as long as nothing is kept or cleared.
class staged_rows {
public:
    using bytes = std::span<const std::byte>;

    staged_rows(const table_handles& tables, const journal& in) : tables_(tables), journal_(in) {}

    /// Reads the file, as its last transaction has left it, until `let_go`. @throws lmdb::failure
    void look_at(const lmdb::environment& env);
    void let_go() noexcept { file_.reset(); }

    /// Good until the next call. @throws lmdb::failure, journal::failure
    [[nodiscard]] std::optional<bytes> get(table_id table, bytes key);
    /// False when the table may have rows. @throws lmdb::failure
    [[nodiscard]] bool empty(table_id table);
    void put(table_id table, bytes key, bytes value);
    /// The value stays where it is until the commit has ended.
    void lend(table_id table, bytes key, bytes value);
    /// @throws lmdb::failure
    void erase(table_id table, bytes key);
    /// Those from `first` to `last` of a table with number keys. @throws lmdb::failure
    void erase_range(table_id table, std::uint64_t first, std::uint64_t last);

    /// What the commit under way has changed, in the order that `keep` wants places in. Good until it ends.
    [[nodiscard]] const std::vector<row_change>& changes();
    /// Bytes of the rows that it has put.
    [[nodiscard]] std::uint64_t bytes_put() const noexcept;

    /// The commit is in the journal, its values at these places.
    void keep(const std::vector<journal_place>& where);
    /// It has failed.
    void drop() noexcept { now_.clear(); }
    /// All rows that were kept, then those of the commit under way, become those of a transaction.
    /// @throws lmdb::failure, journal::failure
    void apply(lmdb::transaction& to) const;
    /// That transaction is committed: nothing is kept, and no commit under way.
    void clear() noexcept;

    [[nodiscard]] std::size_t kept() const noexcept { return kept_.size(); }
    [[nodiscard]] bool nothing_kept() const noexcept { return kept_.empty(); }
    /// Bytes that the rows which were kept will take in the file, about.
    [[nodiscard]] std::uint64_t kept_bytes() const noexcept { return kept_bytes_; }

    /// A record that the file does not have yet, or has otherwise. Nothing when that is not so.
    /// @throws journal::failure
    [[nodiscard]] std::optional<std::vector<std::byte>> kept_record(table_id table,
                                                                    std::uint64_t number) const;

private:
    struct erased {
        bool in_file = false;
    };
    using row = std::variant<erased, std::vector<std::byte>, bytes, journal_place>;
    using rows = std::map<row_place, row>;

    [[nodiscard]] bool in_file(const row_place& at);
    void erase(const row_place& at);
    [[nodiscard]] std::optional<bytes> value_of(const row& of);
    void apply(lmdb::transaction& to, const row_place& at, const row& one) const;
    void count(const row& one, bool added) noexcept;

    const table_handles& tables_;
    const journal& journal_;
    std::optional<lmdb::transaction> file_;
    rows kept_, now_;
    std::uint64_t kept_bytes_ = 0;
    std::vector<row_change> changes_;
    std::vector<std::byte> read_;
};

}  // namespace leat::detail::queueing

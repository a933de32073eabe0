#pragma once

#include <leat/queue/detail/page_file.hpp>
#include <leat/queue/detail/staged_rows.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace leat::detail::queueing {

/// Rows by key of the table `meta`, opened.
using meta_rows = std::map<std::string, std::vector<std::byte>>;
[[nodiscard]] meta_rows read_meta(lmdb::page_file& file, const lmdb::page_file::damage& tell);

/// The rows that the journal of a directory has over those of its tables, of a store that nobody has open.
class journal_rows {
public:
    using bytes = std::span<const std::byte>;
    using visitor = lmdb::page_file::visitor;
    using tables = std::function<void(const visitor& each_row)>;

    /// Reads them, and brings those of `meta` up to date. What is damaged is told to `tell`, and commits that
    /// are behind it are left out.
    journal_rows(const std::filesystem::path& directory, meta_rows& meta,
                 const lmdb::page_file::damage& tell);

    /// Gives `visit` the rows of a table by key: those that `file` gives, in the same order, as the journal
    /// has left them.
    void over(table_id table, const tables& file, const visitor& visit) const;
    /// The journal has something to say of that row.
    [[nodiscard]] bool has(table_id table, bytes key) const { return all_.contains(row_place{table, key}); }

    [[nodiscard]] std::uint64_t commits() const noexcept { return commits_; }
    /// Commits were left out.
    [[nodiscard]] bool damaged() const noexcept { return damaged_; }

private:
    std::map<row_place, std::optional<std::vector<std::byte>>> all_;
    std::uint64_t commits_ = 0;
    bool damaged_ = false;
};

}  // namespace leat::detail::queueing

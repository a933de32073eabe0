#include <leat/queue/detail/journal_rows.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/octets.hpp>
#include <leat/queue/detail/store_layout.hpp>

#include <utility>

namespace leat::detail::queueing {
namespace {

std::string text_of(std::span<const std::byte> key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

void set_meta(meta_rows& rows, std::span<const std::byte> key, std::span<const std::byte> value,
              const lmdb::page_file::damage& tell) {
    const auto row = open_row(key, value);
    if (!row) return tell("meta: row " + text_of(key) + " is damaged");
    rows[text_of(key)].assign(row->begin(), row->end());
}

}  // namespace

meta_rows read_meta(lmdb::page_file& file, const lmdb::page_file::damage& tell) {
    meta_rows rows;
    const auto table = file.find("meta");
    if (!table) return rows;
    file.each(
        *table, [&](const std::string& what) { tell("meta: " + what); },
        [&](auto key, auto value) { set_meta(rows, key, value, tell); });
    return rows;
}

journal_rows::journal_rows(const std::filesystem::path& directory, meta_rows& meta,
                           const lmdb::page_file::damage& tell) {
    const auto file = directory / "journal";
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return;
    const auto identity = meta.find("queue"), last = meta.find("journal");
    const auto known = identity == meta.end() ? std::nullopt : decode_identity(identity->second);
    if (last == meta.end()) {
        damaged_ = true;
        tell("the journal is left out: what says how much of it is in the tables, is lost");
        return;
    }
    const auto after = octet_reader{last->second}.number<std::uint64_t>();
    try {
        const auto found = read_journal(file, known ? std::optional{known->queue} : std::nullopt, after,
                                        [&](const row_change& one) {
                                            if (one.table >= store_tables_count) return;
                                            auto& row = all_[row_place{one.table, one.key}];
                                            row.reset();
                                            if (one.value) row.emplace(one.value->begin(), one.value->end());
                                        });
        commits_ = found.last - after;
        damaged_ = !found.damage.empty();
        if (damaged_) tell(found.damage);
    } catch (const journal::failure& e) {
        throw error{errc::store_failed, "the store " + directory.string() + ": " + e.what()};
    }
    for (auto at = all_.begin(); at != all_.end() && at->first.table == meta_table; ++at) {
        if (at->second) {
            set_meta(meta, at->first.key(), *at->second, tell);
        } else {
            meta.erase(text_of(at->first.key()));
        }
    }
}

void journal_rows::over(table_id table, const tables& file, const visitor& visit) const {
    auto next = all_.lower_bound(row_place{table, {}});
    const auto has_next = [&] { return next != all_.end() && next->first.table == table; };
    const auto give = [&] {
        if (next->second) visit(next->first.key(), *next->second);
        ++next;
    };
    file([&](bytes key, bytes value) {
        const row_place at{table, key};
        while (has_next() && next->first < at) give();
        if (has_next() && next->first == at) return give();
        visit(key, value);
    });
    while (has_next()) give();
}

}  // namespace leat::detail::queueing

#pragma once

#include <leat/queue/detail/lmdb.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace leat::detail::queueing {

/// The tables of a queue, and of its dead letters.
enum class rows_of : std::uint8_t { records, gone, touched, letters, doomed, producers, ids };
inline constexpr std::size_t tables_a_queue = 7;

/// A table of a store by the number that its journal names it by: 0 is `meta`. Format 3 has added the last
/// one.
using table_id = std::uint8_t;
inline constexpr table_id meta_table = 0;
inline constexpr table_id marks_table = 1 + 2 * tables_a_queue;
inline constexpr std::size_t store_tables_count = marks_table + 1;

/// `which` is 0 for a queue, 1 for its dead letters.
[[nodiscard]] constexpr table_id id_of(int which, rows_of what) noexcept {
    return static_cast<table_id>(1 + which * static_cast<int>(tables_a_queue) + static_cast<int>(what));
}

/// "meta", "0.records" and so on, "marks".
[[nodiscard]] std::string name_of(table_id table);

/// Its keys are u64. Those of the others are ordered byte by byte.
[[nodiscard]] constexpr bool has_number_keys(table_id table) noexcept {
    return table != meta_table && table != marks_table && table != id_of(0, rows_of::producers) &&
           table != id_of(1, rows_of::producers);
}

/// The tables of an open environment.
class table_handles {
public:
    /// Makes those that are not there. @throws lmdb::failure
    void open(lmdb::transaction& in);
    [[nodiscard]] MDB_dbi operator[](table_id table) const noexcept { return all_[table]; }

private:
    std::array<MDB_dbi, store_tables_count> all_{};
};

}  // namespace leat::detail::queueing

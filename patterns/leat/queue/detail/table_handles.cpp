#include <leat/queue/detail/table_handles.hpp>

namespace leat::detail::queueing {

std::string name_of(table_id table) {
    static constexpr std::array<const char*, tables_a_queue> names{
        "records", "gone", "touched", "letters", "doomed", "producers", "ids"};
    if (table == meta_table) return "meta";
    if (table == marks_table) return "marks";
    return (table <= tables_a_queue ? "0." : "1.") + std::string{names[(table - 1U) % tables_a_queue]};
}

void table_handles::open(lmdb::transaction& in) {
    for (table_id i = 0; i < store_tables_count; ++i)
        all_[i] = in.open(name_of(i), MDB_CREATE | (has_number_keys(i) ? MDB_INTEGERKEY : 0U));
}

}  // namespace leat::detail::queueing

#include <leat/queue/detail/lmdb.hpp>

namespace leat::detail::lmdb {
namespace {

constexpr MDB_dbi most_tables = 64;

}  // namespace

failure::failure(const char* call, int error)
    : std::runtime_error(std::string{call} + ": " + mdb_strerror(error)), code(error) {}

void check(const char* call, int code) {
    if (code != MDB_SUCCESS) throw failure{call, code};
}

environment::environment(const std::filesystem::path& directory, unsigned flags, std::size_t map_size) {
    check("mdb_env_create", mdb_env_create(&env_));
    auto code = mdb_env_set_maxdbs(env_, most_tables);
    if (code == 0 && map_size != 0) code = mdb_env_set_mapsize(env_, map_size);
    if (code == 0) code = mdb_env_open(env_, directory.c_str(), flags, 0666);
    if (code == 0) return;
    mdb_env_close(env_);
    throw failure{"mdb_env_open", code};
}

int environment::fd() const {
    mdb_filehandle_t fd = -1;
    check("mdb_env_get_fd", mdb_env_get_fd(env_, &fd));
    return fd;
}

std::uint64_t environment::used() const {
    MDB_envinfo info{};
    MDB_stat stat{};
    check("mdb_env_info", mdb_env_info(env_, &info));
    check("mdb_env_stat", mdb_env_stat(env_, &stat));
    return (info.me_last_pgno + 1) * stat.ms_psize;
}

std::size_t environment::tables() const {
    MDB_stat stat{};
    check("mdb_env_stat", mdb_env_stat(env_, &stat));
    return stat.ms_entries;
}

transaction::transaction(const environment& env, unsigned flags) {
    check("mdb_txn_begin", mdb_txn_begin(env.get(), nullptr, flags, &txn_));
}

void transaction::commit() {
    check("mdb_txn_commit", mdb_txn_commit(std::exchange(txn_, nullptr)));
}

MDB_dbi transaction::open(const std::string& name, unsigned flags) {
    MDB_dbi table = 0;
    check("mdb_dbi_open", mdb_dbi_open(txn_, name.c_str(), flags, &table));
    return table;
}

std::optional<MDB_dbi> transaction::find(const std::string& name, unsigned flags) {
    MDB_dbi table = 0;
    const auto code = mdb_dbi_open(txn_, name.c_str(), flags, &table);
    if (code == MDB_NOTFOUND) return {};
    check("mdb_dbi_open", code);
    return table;
}

std::optional<std::span<const std::byte>> transaction::get(MDB_dbi table, std::span<const std::byte> key) {
    auto k = value_of(key);
    MDB_val v{};
    const auto code = mdb_get(txn_, table, &k, &v);
    if (code == MDB_NOTFOUND) return {};
    check("mdb_get", code);
    return bytes_of(v);
}

void transaction::put(MDB_dbi table, std::span<const std::byte> key, std::span<const std::byte> value,
                      unsigned flags) {
    auto k = value_of(key);
    auto v = value_of(value);
    check("mdb_put", mdb_put(txn_, table, &k, &v, flags));
}

std::span<std::byte> transaction::reserve(MDB_dbi table, std::span<const std::byte> key, std::size_t size) {
    auto k = value_of(key);
    MDB_val v{size, nullptr};
    check("mdb_put", mdb_put(txn_, table, &k, &v, MDB_RESERVE));
    return {static_cast<std::byte*>(v.mv_data), size};
}

bool transaction::erase(MDB_dbi table, std::span<const std::byte> key) {
    auto k = value_of(key);
    const auto code = mdb_del(txn_, table, &k, nullptr);
    if (code == MDB_NOTFOUND) return false;
    check("mdb_del", code);
    return true;
}

std::size_t transaction::rows(MDB_dbi table) {
    MDB_stat stat{};
    check("mdb_stat", mdb_stat(txn_, table, &stat));
    return stat.ms_entries;
}

std::uint64_t transaction::bytes(MDB_dbi table) {
    MDB_stat stat{};
    check("mdb_stat", mdb_stat(txn_, table, &stat));
    return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
}

cursor::cursor(const transaction& in, MDB_dbi table) {
    check("mdb_cursor_open", mdb_cursor_open(in.get(), table, &cursor_));
}

bool cursor::move(MDB_cursor_op how) {
    const auto code = mdb_cursor_get(cursor_, &key_, &value_, how);
    if (code == MDB_NOTFOUND) return false;
    check("mdb_cursor_get", code);
    return true;
}

bool cursor::seek(std::span<const std::byte> from) {
    key_ = value_of(from);
    return move(MDB_SET_RANGE);
}

void cursor::erase() {
    check("mdb_cursor_del", mdb_cursor_del(cursor_, 0));
}

}  // namespace leat::detail::lmdb

#pragma once

#include <lmdb.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace leat::detail::lmdb {

/// What LMDB has answered instead of success. `code` is one of its own (negative) or an errno.
class failure : public std::runtime_error {
public:
    failure(const char* call, int code);
    const int code;
};

void check(const char* call, int code);

[[nodiscard]] inline MDB_val value_of(std::span<const std::byte> bytes) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): LMDB only reads it
    return {bytes.size(), const_cast<std::byte*>(bytes.data())};
}
[[nodiscard]] inline std::span<const std::byte> bytes_of(const MDB_val& value) noexcept {
    return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}
template <class T>
[[nodiscard]] std::span<const std::byte> bytes_of_key(const T& key) noexcept {
    return std::as_bytes(std::span{&key, 1});
}

/// An open environment: one directory. Owns the map; transactions must end before it.
class environment {
public:
    /// @throws failure
    environment(const std::filesystem::path& directory, unsigned flags, std::size_t map_size);
    ~environment() { mdb_env_close(env_); }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

    [[nodiscard]] MDB_env* get() const noexcept { return env_; }
    [[nodiscard]] int fd() const;
    /// Bytes of the file up to the last page that was ever used.
    [[nodiscard]] std::uint64_t used() const;
    [[nodiscard]] std::size_t tables() const;

private:
    MDB_env* env_ = nullptr;
};

/// Aborted at its end unless committed.
class transaction {
public:
    /// @throws failure
    explicit transaction(const environment& env, unsigned flags = 0);
    ~transaction() {
        if (txn_ != nullptr) mdb_txn_abort(txn_);
    }
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;

    /// On disk and synced when it returns. @throws failure
    void commit();

    [[nodiscard]] MDB_txn* get() const noexcept { return txn_; }

    /// @throws failure
    [[nodiscard]] MDB_dbi open(const std::string& name, unsigned flags);
    /// Nothing when there is no such table. @throws failure
    [[nodiscard]] std::optional<MDB_dbi> find(const std::string& name, unsigned flags = 0);

    [[nodiscard]] std::optional<std::span<const std::byte>> get(MDB_dbi table,
                                                                std::span<const std::byte> key);
    void put(MDB_dbi table, std::span<const std::byte> key, std::span<const std::byte> value,
             unsigned flags = 0);
    /// Room for a value of that size, to be filled before the next call.
    [[nodiscard]] std::span<std::byte> reserve(MDB_dbi table, std::span<const std::byte> key,
                                               std::size_t size);
    /// False when there is no such row.
    bool erase(MDB_dbi table, std::span<const std::byte> key);
    [[nodiscard]] std::size_t rows(MDB_dbi table);
    /// Bytes of the pages that a table takes.
    [[nodiscard]] std::uint64_t bytes(MDB_dbi table);

private:
    MDB_txn* txn_ = nullptr;
};

/// A position in a table.
class cursor {
public:
    cursor(const transaction& in, MDB_dbi table);
    ~cursor() { mdb_cursor_close(cursor_); }
    cursor(const cursor&) = delete;
    cursor& operator=(const cursor&) = delete;

    /// False at the end. `how` is MDB_FIRST, MDB_NEXT, MDB_LAST or MDB_SET_RANGE (from `key`).
    bool move(MDB_cursor_op how);
    bool seek(std::span<const std::byte> from);
    void erase();

    [[nodiscard]] std::span<const std::byte> key() const noexcept { return bytes_of(key_); }
    [[nodiscard]] std::span<const std::byte> value() const noexcept { return bytes_of(value_); }

private:
    MDB_cursor* cursor_ = nullptr;
    MDB_val key_{}, value_{};
};

}  // namespace leat::detail::lmdb

#pragma once

#include <leat/queue/queue_types.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

// The file `journal` of a store: the commits since the last one that is in its tables, one behind the other,
// each from a multiple of 4096 bytes on, the rest of the last page zeroes. All numbers are little-endian.
//
//     entry   u64 checksum, below
//             u64 magic "leatjrnl"
//             id  queue (high, low)
//             u64 number of the commit
//             u64 size, without the zeroes
//             u32 size of the index, with what is before it
//             u32 n rows
//     index   n x { u8 table, u16 size of key, u32 size of value (2^32 - 1: the row is erased), key, value
//                   when it has fewer than 2048 bytes }
//     values  the others, in the order of their rows
//
// The checksum is the XXH64 of these, each a u64: the XXH64 of what is from the magic to the end of the
// index, then that of each of the values behind it.
//
// The first entry has a number of at most one more than the last commit in the tables ("journal" in `meta`),
// each following one more than the one before; entries that are in the tables already are passed over. When
// all are, the next commit is written over the first entry. What follows the last one is older, or was never
// finished.

namespace leat::detail::queueing {

/// What a commit makes of a row.
struct row_change {
    std::uint8_t table = 0;
    std::span<const std::byte> key = {};
    std::optional<std::span<const std::byte>> value = {};  ///< Nothing: it is erased.
};

/// Where a value is in the file.
struct journal_place {
    std::uint64_t at = 0;
    std::uint32_t size = 0;
};

/// Writes the journal of a store that is open. A commit costs one write over blocks that the file has
/// already, and one sync. For one thread, but for `read`.
class journal {
public:
    /// An operation of the file that has failed.
    class failure : public std::runtime_error {
    public:
        failure(const char* call, int error);
    };

    /// Entries are kept within `most` bytes of the file.
    journal(std::filesystem::path file, std::uint64_t most) : file_(std::move(file)), most_(most) {}
    ~journal() { close(); }
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;

    /// Makes the file if it is not there, and fills it up to its size, or what the disk has room for; its
    /// directory is the caller's to sync. The next entry is the first. @throws failure
    void open(const id128& queue);
    void close() noexcept;

    /// Whether an entry of these rows fits behind the others.
    [[nodiscard]] bool has_room(std::span<const row_change> rows) const noexcept;

    /// On disk and synced when it returns; `where` then has the place of each value. After a failure the
    /// entry may be there or not, those before it can be read, and the file is to be opened again before
    /// anything is appended. @throws failure
    void append(std::uint64_t commit, std::span<const row_change> rows, std::vector<journal_place>& where);

    /// All entries are in the tables: the next one is the first again.
    void restart() noexcept { at_ = 0; }

    /// Fills `to` from a place of an entry that is still there. @throws failure
    void read(const journal_place& from, std::span<std::byte> to) const;

private:
    void fill();

    const std::filesystem::path file_;
    const std::uint64_t most_;
    int fd_ = -1;
    id128 queue_ = {};
    std::uint64_t at_ = 0;
    std::vector<std::byte> front_;
    std::vector<std::uint64_t> sums_;
};

/// What of a journal the tables do not have.
struct journal_reading {
    std::uint64_t last = 0;   ///< Commit; that of the tables when there is none.
    std::string damage = {};  ///< A sentence, when commits that were confirmed are lost behind `last`.
};

/// Reads the journal of a store whose tables have the commits up to `after`, and gives each row of those
/// behind it to `visit`, in order; keys and values are good until that returns. Nothing when there is no
/// file. Entries of other queues are none; without a `queue` it is that of the first entry.
/// @throws journal::failure, and what `visit` throws
[[nodiscard]] journal_reading read_journal(const std::filesystem::path& file, std::optional<id128> queue,
                                           std::uint64_t after,
                                           const std::function<void(const row_change&)>& visit);

}  // namespace leat::detail::queueing

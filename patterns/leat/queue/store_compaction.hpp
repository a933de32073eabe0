#pragma once

#include <cstdint>
#include <filesystem>

namespace leat {

/// Bytes of the file of a queue.
struct store_compaction {
    std::uint64_t before = 0, after = 0;
};

/// Makes the file of a queue that nobody has open as small as what is in it: a copy without free pages is
/// written beside it, checked, synced, and takes its place in one step. Killed at any moment it leaves the
/// old file or the new one, and of the copy a file `compact.mdb` that the next compaction writes over. Needs
/// room for the copy.
/// @throws leat::error: `store_in_use`; `store_unreadable` when it is no store, of a newer format or damaged;
/// `store_failed`. The directory is then as it was.
[[nodiscard]] store_compaction compact_store(const std::filesystem::path& directory);

}  // namespace leat

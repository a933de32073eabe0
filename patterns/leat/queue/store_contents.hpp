#pragma once

#include <leat/queue/queue_stat.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace leat {

/// A queue, or its dead letters, in a directory.
struct stored_messages {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;                                           ///< As the limits count them.
    std::uint64_t records = 0;                                         ///< Blocks that they are kept in.
    std::optional<std::chrono::system_clock::time_point> oldest = {};  ///< When the first was put.
    queue_counts counts = {};
};

/// A block of messages that is damaged.
struct lost_record {
    bool dead_letters = false;  ///< Of the dead letters, and not of the queue itself.
    std::uint64_t number = 0;
    std::optional<std::uint64_t> messages = {};  ///< That were in it; nothing when that is damaged too.
    std::string why = {};
};

/// What is in the directory of a queue.
struct store_contents {
    std::string queue = {};  ///< Its name.
    std::uint64_t openings = 0;
    bool clean = true;  ///< It was closed in good order.
    bool takes_paused = false, puts_paused = false;
    stored_messages messages = {}, dead_letters = {};
    std::uint64_t producers = 0;        ///< Remembered.
    std::uint64_t ids = 0;              ///< Message ids in the dedup window.
    std::uint64_t journal_commits = 0;  ///< That are in the journal only, and counted above all the same.
    std::uint64_t file_bytes = 0;
    std::vector<std::string> damages = {};  ///< A sentence each, at most 1,000.
};

/// Reads the directory of a queue that nobody has open, and changes none of its data. All pages of the file
/// and all rows of all indexes are checked, and how they fit each other; with `bodies` the messages' bodies
/// too, which reads the whole file. What is damaged is named in `damages`, and the rest is told all the same.
/// @throws leat::error: `store_in_use`; `store_unreadable` when it is no store, of a newer format, or does
/// not say any more whose it is; `store_failed`
[[nodiscard]] store_contents read_store(const std::filesystem::path& directory, bool bodies = true);

}  // namespace leat

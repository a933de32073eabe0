#pragma once

#include <leat/queue/store_contents.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace leat {

/// What has become of a queue's messages, or of its dead letters.
struct salvaged_messages {
    std::uint64_t saved = 0;
    std::uint64_t bytes = 0;                ///< Of those, as the limits count them.
    std::optional<std::uint64_t> lost = 0;  ///< Nothing when too much is damaged to tell.
    std::uint64_t again =
        0;  ///< Of those saved, how many had ended, and come again: what said so is damaged.
};

/// An account of a salvage.
struct store_salvage {
    std::string queue = {};
    salvaged_messages messages = {}, dead_letters = {};
    std::vector<lost_record> records = {};  ///< Those of which nothing was saved.
    std::uint64_t producers = 0;            ///< That are still remembered.
    std::uint64_t ids = 0;
    std::vector<std::string> damages = {};  ///< As `read_store` names them.

    /// No message is lost.
    [[nodiscard]] bool whole() const noexcept { return messages.lost == 0U && dead_letters.lost == 0U; }
};

/// Copies all that is good in the directory `from` of a queue, which nobody has open and of which nothing is
/// changed, to the directory `to`, which must be new or empty: messages keep their numbers, places, attempts
/// and origins. What LMDB could not read is found too, as long as its own page is good. What is lost is
/// counted as purged. A directory that is not damaged is copied as it is. Until all is there and synced `to`
/// is refused as a queue.
///
/// `name` is needed only when what says whose queue it is, is lost.
/// @throws leat::error: `store_in_use`; `store_unreadable` when it is no store, of a newer format or another
/// queue's, or a name is needed; `store_failed`, also when `to` is not empty. What was written of `to` is
/// then removed.
[[nodiscard]] store_salvage salvage_store(const std::filesystem::path& from, const std::filesystem::path& to,
                                          const std::string& name = {});

}  // namespace leat

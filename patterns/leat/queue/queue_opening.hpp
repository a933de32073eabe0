#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace leat {

/// What a queue found when it was opened. All nothing for one in memory.
struct queue_opening {
    std::uint64_t number = 0;         ///< 1 for a directory that was new.
    bool clean = true;                ///< The opening before was closed in good order.
    std::uint32_t upgraded_from = 0;  ///< The format that the directory had, if it was an older one.
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  ///< As the limits count them.
    std::uint64_t dead_letters = 0;
    std::optional<std::chrono::milliseconds> oldest = {};  ///< For how long the oldest ready one has been so.
    std::chrono::milliseconds took = {};                   ///< Reading it.
};

}  // namespace leat

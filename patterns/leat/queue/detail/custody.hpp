#pragma once

#include <leat/queue/queue_types.hpp>

#include <compare>
#include <cstdint>

namespace leat::detail::queueing {

/// Whose messages a transfer or a stage of a pipeline makes into others: its own name, and an opening of a
/// queue.
struct custody_source {
    id128 stage = {};  ///< Hash of the name.
    id128 queue = {};
    std::uint64_t salt = 0;
    friend auto operator<=>(const custody_source&, const custody_source&) = default;
};

/// Which message of its source one was made of (U6).
struct custody_mark {
    custody_source from = {};
    std::uint64_t seq = 0;
    std::uint64_t floor = 0;  ///< Messages of the source below have ended there.
};

}  // namespace leat::detail::queueing

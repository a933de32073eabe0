#pragma once

#include <leat/message.hpp>
#include <leat/queue/detail/custody.hpp>
#include <leat/queue/detail/record.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace leat::detail::queueing {

/// One put as the engine sees it. Views last as long as the call.
struct put_item {
    std::string_view key = {}, id = {};
    std::span<const std::byte> head =
        {};  ///< All attributes as they are stored and delivered; not looked into.
    std::span<const std::byte> body = {};
    std::uint8_t priority = 4;
    std::uint16_t redrives = 0;             ///< Part of its id (X6).
    std::optional<ticks> ttl = {};          ///< Zero or less: it has expired on its way (T3).
    std::optional<ticks> delay = {};        ///< From now.
    std::optional<ticks> at = {};           ///< The same as queue time (T4).
    put_refusal fault = put_refusal::none;  ///< What the host has found wrong with it already.
    const custody_mark* mark = nullptr;     ///< Of what it was made, if a transfer or a stage puts it.
};

/// How a PUT as a whole was taken.
enum class put_status : std::uint8_t {
    taken,             ///< Each of its messages has, or will have, its verdict.
    out_of_sequence,   ///< A number was left out, or the floor lies beyond what was sent: the session ends.
    too_many_refused,  ///< The producer does not move its floor: the session ends.
};

}  // namespace leat::detail::queueing

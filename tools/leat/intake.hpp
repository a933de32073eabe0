#pragma once

#include "options.hpp"
#include "peers.hpp"

#include <leat/codec.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace leat::command {

/// From whom `leat pull` and `leat sub` take messages, and when they have enough.
struct intake {
    static constexpr auto no_count = std::numeric_limits<std::uint64_t>::max();

    peers with;
    std::uint64_t count = no_count;

    [[nodiscard]] bool counts() const noexcept { return count != no_count; }

    /// "received 3", or "received 3 of 10".
    [[nodiscard]] std::string received(std::uint64_t printed) const;

    /// "timed out: no message for 2s; received 3 of 10".
    [[nodiscard]] std::string timed_out(std::uint64_t printed) const;
};

/// Adds the options that fill `to`, which must outlive the parsing. `at_count` is what happens then.
void add_intake(CLI::App& sub, intake& to, const std::string& at_count);

/// Why a frame that was read to its end is not msgpack, or no more: "no such type at byte 7"; none when it
/// is. `any` is whether it held an object; an empty frame is no msgpack.
[[nodiscard]] std::optional<std::string> msgpack_fault(const decoder<msgpack::object>& objects, bool any);

}  // namespace leat::command

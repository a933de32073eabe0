#pragma once

#include <leat/metrics.hpp>

#include <array>

namespace leat {

/// Why a message of a peer was dropped.
enum class refusal : std::uint8_t {
    malformed,   ///< Not an envelope, an empty frame and a body.
    bad_header,  ///< A header that does not decode, or of a kind that this side does not take.
    late,        ///< A second answer, or one to a call that has ended.
    foreign,     ///< Of another session: meant for a requester that is gone.
    bad_body,    ///< An error reply whose code and text do not decode.
};
inline constexpr std::size_t refusals = 5;

/// What a client has counted since it was made: calls by their end, and what was dropped. Any thread.
struct call_counts {
    std::array<counter, 8> ended;  ///< By `call_status`.
    counter retries;               ///< Requests sent again: after a loss or a refusal.
    counter hedges;                ///< Requests sent to a second server.
    std::array<counter, refusals> dropped;

    [[nodiscard]] std::uint64_t of(auto how) const noexcept {
        return ended[static_cast<std::size_t>(how)].value();
    }
    [[nodiscard]] std::uint64_t drops(refusal why) const noexcept {
        return dropped[static_cast<std::size_t>(why)].value();
    }
};

}  // namespace leat

#pragma once

#include <leat/metrics.hpp>

#include <array>

namespace leat {

/// What a relay has counted since it was made. Written by the thread that runs it, readable from any thread
/// at any time.
struct relay_metrics {
    struct direction {
        counter messages_in;  ///< Of any number of frames.
        counter bytes_in;     ///< Frame bodies; for requests and replies with their routing ids.
        counter messages_out;
        counter bytes_out;
    };

    direction forward;  ///< Messages, publications, requests.
    direction back;     ///< Subscriptions, replies.

    counter batches;  ///< Frames that were joined from several messages.
    counter waits;    ///< Messages that found no room at first and held up those behind them.
    counter captured;

    /// `capture`, `peer_gone`, `peer_full`, `shutdown`; the other reasons stay 0.
    std::array<counter, drop_reasons> drops;

    void drop(drop_reason reason, std::uint64_t n = 1) noexcept {
        drops[static_cast<std::size_t>(reason)].add(n);
    }
    [[nodiscard]] std::uint64_t dropped(drop_reason reason) const noexcept {
        return drops[static_cast<std::size_t>(reason)].value();
    }
};

}  // namespace leat

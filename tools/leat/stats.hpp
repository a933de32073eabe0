#pragma once

#include "environment.hpp"

#include <leat/forwarder/forwarder.hpp>
#include <leat/loop.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace leat::command {

/// What a relay has done, for programs: "relay=streamer in=1000 out=1000 back=0 bytes_in=... bytes_out=...
/// waits=0 batches=0 captured=0 dropped=0 rate=500". `rate` is messages a second since the line before.
[[nodiscard]] std::string stats_line(const relay& one, double rate);

/// Prints `stats_line` of each relay at an interval, and once at the end. A line that standard output has no
/// room for is left out.
class stats {
public:
    /// `relays` must live as long as this does.
    stats(const environment& env, loop& events, const forwarder& relays, std::chrono::microseconds interval);
    ~stats();
    stats(const stats&) = delete;
    stats& operator=(const stats&) = delete;

private:
    struct shared;
    std::shared_ptr<shared> state_;
};

inline constexpr std::chrono::microseconds least_stats_interval = std::chrono::milliseconds{10};

/// A duration of at least `least_stats_interval`.
[[nodiscard]] std::chrono::microseconds parse_stats_interval(std::string_view option, std::string_view text);

}  // namespace leat::command

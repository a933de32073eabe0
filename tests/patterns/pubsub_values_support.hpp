#pragma once

#include <leat/context.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include "support/ports.hpp"
#include "support/running_relay.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

// What the tests of last values share.

using namespace std::chrono_literals;
using leat::status;
using support::patience;

using publisher = leat::publisher<std::uint64_t>;
using subscriber = leat::subscriber<std::uint64_t>;

inline leat::publish_options keeping(std::size_t values) {
    return {.bind = "tcp://127.0.0.1:*", .last_values = values};
}

inline leat::subscribe_options asking(const leat::endpoint& at, std::vector<std::string> patterns) {
    return {.connect = at, .patterns = std::move(patterns), .last_values = true};
}

/// "topic=value" of the next publication; a last value has a star.
inline std::string next(subscriber& in, leat::deadline until = patience) {
    const auto got = in.receive(until);
    if (!got) return std::string{to_string(got.why())};
    return got->topic + "=" + std::to_string(got->value) + (got->last_value ? "*" : "");
}

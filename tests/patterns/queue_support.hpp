#pragma once

// What the tests of the queue between real sockets share.

#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>

#include "support/joined.hpp"
#include "support/running_relay.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace std::chrono_literals;
using leat::status;
using support::comes_true;
using support::patience;

using text_consumer = leat::consumer<std::string>;
using text_producer = leat::producer<std::string>;

/// A queue that does not wait long before it tries again, unless its rules say so.
inline leat::queue_options on(const std::string& transport, leat::queue_rules rules = {},
                              const std::string& name = "work") {
    if (rules.retry.first == leat::backoff{}.first) rules.retry.first = 1ms;
    return {.name = name, .bind = support::any_endpoint(transport).str(), .rules = rules};
}

inline leat::queue_options here(const leat::queue_rules& rules = {}) {
    return on("tcp", rules);
}

/// The next message's text, or why there is none in angle brackets; acked.
inline std::string take(text_consumer& from, leat::deadline until = patience) {
    auto got = from.next(until);
    if (!got) return "<" + std::string{to_string(got.why())} + ">";
    got->ack();
    return **got;
}

#pragma once

// Rules under which the engine is compared with the model.

#include <leat/queue/queue_rules.hpp>

#include <functional>
#include <vector>

namespace queue_model {

using namespace std::chrono_literals;
using leat::queue_overflow;

struct rule_set {
    const char* name;
    std::function<void(leat::queue_rules&)> change;
    bool slow = false;  ///< Commits take their time, and fail now and then.
    int keys = 4;       ///< 0: none
    int delays = 10;    ///< Percent of puts with a delay; the same for a ttl.
    int ids = 10;
    int losses = 15;           ///< How careless consumers are.
    std::uint32_t events = 0;  ///< Passes are bounded to so much; 0: as the engine does.
    bool by_deadline = false;  ///< Time goes to the next deadline, and not past it.
    bool reader = false;       ///< Someone consumes the dead letters.
    bool in_order = false;     ///< So are some of the producers.
    bool disk = false;         ///< On disk, and opened again now and then.
};

inline leat::queue_rules basic() {
    leat::queue_rules rules;
    rules.max_messages = 60;
    rules.max_bytes = 60'000;
    rules.max_message = 6'000;
    rules.lease = 2s;
    rules.session_timeout = 1500ms;
    rules.retry = {.first = 200ms, .factor = 2, .cap = 1s, .jitter = 0};
    rules.max_dead_messages = 40;
    rules.dedup_window = 3s;
    rules.dedup_ids = 12;
    rules.overflow = leat::queue_overflow::reject;
    return rules;
}

inline const std::vector<rule_set> sets = {
    {.name = "keys, priorities, delays, reject", .change = [](auto&) {}},
    {.name = "no keys, block",
     .change =
         [](auto& r) {
             r.overflow = queue_overflow::block;
             r.max_messages = 20;
         },
     .keys = 0},
    {.name = "keys, block, slow commits",
     .change =
         [](auto& r) {
             r.overflow = queue_overflow::block;
             r.durability = leat::durability::commit;
         },
     .slow = true},
    {.name = "keys, drop_oldest, ttl",
     .change =
         [](auto& r) {
             r.overflow = queue_overflow::drop_oldest;
             r.max_messages = 25;
             r.ttl = 3s;
         }},
    {.name = "ttl to the dead letters, slow commits",
     .change =
         [](auto& r) {
             r.ttl = 4s;
             r.on_expiry = leat::on_expiry::dead_letter;
             r.max_dead_messages = 100'000;
             r.durability = leat::durability::commit;
         },
     .slow = true,
     .delays = 30},
    {.name = "dead letters full: stop",
     .change =
         [](auto& r) {
             r.max_dead_messages = 3;
             r.max_attempts = 2;
         },
     .losses = 25},
    {.name = "dead letters full: drop",
     .change =
         [](auto& r) {
             r.max_dead_messages = 3;
             r.max_attempts = 2;
             r.dead_full = leat::dead_full::drop_oldest;
         }},
    {.name = "exclusive, no dead letters",
     .change =
         [](auto& r) {
             r.exclusive = true;
             r.dead_letters = false;
             r.max_attempts = 3;
         },
     .losses = 25},
    {.name = "careless consumers, unlimited attempts, little in flight",
     .change =
         [](auto& r) {
             r.max_attempts = leat::unlimited_attempts;
             r.max_in_flight = 9;
         },
     .losses = 30},
    {.name = "interval, slow and failing commits, drop_oldest",
     .change =
         [](auto& r) {
             r.durability = leat::durability::interval;
             r.overflow = queue_overflow::drop_oldest;
             r.max_messages = 30;
         },
     .slow = true},
    {.name = "keys, ttl, block, passes of five events",
     .change =
         [](auto& r) {
             r.ttl = 2s;
             r.overflow = queue_overflow::block;
             r.max_messages = 40;
         },
     .losses = 25,
     .events = 5},
    {.name = "slow commits, passes of three events, jitter",
     .change =
         [](auto& r) {
             r.retry.jitter = 0.5;
             r.durability = leat::durability::commit;
         },
     .slow = true,
     .losses = 25,
     .events = 3},
    {.name = "from deadline to deadline, ttl, dead letters full: stop",
     .change =
         [](auto& r) {
             r.ttl = 3s;
             r.max_dead_messages = 5;
             r.max_attempts = 3;
         },
     .losses = 25,
     .by_deadline = true},
    {.name = "from deadline to deadline, slow commits, jitter",
     .change =
         [](auto& r) {
             r.retry.jitter = 0.2;
             r.durability = leat::durability::commit;
         },
     .slow = true,
     .delays = 25,
     .by_deadline = true},
    {.name = "in order, slow and failing commits, back-off of nothing",
     .change =
         [](auto& r) {
             r.retry.first = 0s;
             r.max_messages = 15;
             r.durability = leat::durability::commit;
         },
     .slow = true,
     .in_order = true},
    {.name = "a reader of the dead letters, stop",
     .change =
         [](auto& r) {
             r.max_dead_messages = 12;
             r.max_attempts = 2;
         },
     .losses = 25,
     .reader = true},
    {.name = "a reader of the dead letters, slow commits",
     .change =
         [](auto& r) {
             r.max_dead_messages = 100;
             r.max_attempts = 2;
             r.durability = leat::durability::commit;
         },
     .slow = true,
     .reader = true},
    {.name = "a reader of the dead letters, drop",
     .change =
         [](auto& r) {
             r.max_dead_messages = 4;
             r.max_attempts = 2;
             r.dead_full = leat::dead_full::drop_oldest;
         },
     .reader = true},
};

}  // namespace queue_model

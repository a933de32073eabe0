// What messages take beside their bodies (I18). docs/queue.md says the same.

#include "support/queue_rig.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace queue_rig;

namespace {

constexpr std::uint64_t many = 200'000;
const std::string body(100, 'x');

/// Bytes of index a message, once `many` are in the queue.
template <class Item>
double bytes_each(rig& q, Item item) {
    const auto before = q->memory();
    for (std::uint64_t i = 0; i < many; ++i) {
        q.put(body, item(i));
        if (i % 64 == 63) {
            q.hand_out();
            q.pass(1 * ms);
        }
    }
    q.hand_out();
    REQUIRE(q->depth().live() == many);
    return static_cast<double>(q->memory() - before) / many;
}

leat::queue_rules roomy() {
    leat::queue_rules rules;
    rules.max_bytes = std::uint64_t{4} << 30;
    rules.max_in_flight = 10'000'000;
    return rules;
}

/// An entry, and its places in vectors that have grown to twice what they hold.
constexpr double with_entry = 96 + 2 * (24 + 24);

}  // namespace

TEST_CASE("I18: a plain message takes two bytes of index, and its share of its record's") {
    rig q{roomy()};
    CHECK(bytes_each(q, [](auto) { return put_item{}; }) < 4);
}

TEST_CASE("I18: a message that waits behind its key takes 16 bytes more, and its key little") {
    rig q{roomy()};
    std::string key;
    CHECK(bytes_each(q, [&](std::uint64_t i) {
              key = "customer-" + std::to_string(i % 1000);
              return put_item{.key = key};
          }) < 64);
}

TEST_CASE("I18: one that is delayed, has a ttl of its own, or is in flight takes an entry and its places") {
    rig delayed{roomy()}, mortal{roomy()}, taken{roomy()};
    CHECK(bytes_each(delayed, [](auto) { return put_item{.delay = 3600 * second}; }) < with_entry);
    CHECK(bytes_each(mortal, [](auto) { return put_item{.ttl = 3600 * second}; }) < with_entry);
    taken.consumer(1);
    CHECK(bytes_each(taken, [](auto) { return put_item{}; }) < with_entry);
    CHECK(taken->depth().in_flight == many);
}

TEST_CASE("I18: what was taken by messages that are gone is used again") {
    rig q{roomy()};
    const auto c = q.consumer(1, many);
    static_cast<void>(bytes_each(q, [](auto) { return put_item{}; }));
    const auto full = q->memory();
    std::uint64_t credit = many;
    for (int round = 0; round < 3; ++round) {
        q.pass(1 * ms);
        q.settle(c, leat::outcome::ack, 1, credit);
        q.hand_out();
        REQUIRE(q->depth().live() == 0);
        credit += many;
        q->grant(c, credit, std::uint64_t{1} << 60);
        static_cast<void>(bytes_each(q, [](auto) { return put_item{}; }));
    }
    CHECK(q->memory() < full + full / 4);
}

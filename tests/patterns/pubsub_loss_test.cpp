#include <leat/context.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include "support/process.hpp"
#include "support/running_relay.hpp"

#include <algorithm>
#include <map>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using leat::status;
using support::patience;

namespace {

using numbers = std::map<std::string, std::vector<std::uint64_t>>;

/// What a subscriber got of each topic, and what it says that it missed.
struct ledger {
    numbers got;
    numbers missed;
    bool in_order = true;

    void note(const std::string& topic, std::uint64_t sequence) {
        auto& all = got[topic];
        if (!all.empty() && sequence <= all.back()) in_order = false;
        all.push_back(sequence);
    }
    void note(const leat::gap& one) {
        for (auto i = one.from; i <= one.to; ++i) missed[one.topic].push_back(i);
    }

    /// Whether each number of each topic, 1 to its total, was got or reported as missed, and none was both.
    [[nodiscard]] bool balances(const std::map<std::string, std::uint64_t>& totals) const {
        for (const auto& [topic, total] : totals) {
            std::vector<int> times(total + 1);
            for (const auto* from : {&got, &missed}) {
                const auto found = from->find(topic);
                if (found == from->end()) continue;
                for (const auto one : found->second) {
                    if (one < 1 || one > total) return false;
                    ++times[one];
                }
            }
            if (std::count(times.begin() + 1, times.end(), 1) != static_cast<std::ptrdiff_t>(total))
                return false;
        }
        return true;
    }

    [[nodiscard]] std::uint64_t missed_in_all() const {
        std::uint64_t sum = 0;
        for (const auto& [topic, all] : missed) sum += all.size();
        return sum;
    }
};

constexpr std::size_t body_size = 1000;

struct item {
    std::uint64_t number = 0;
    std::string filling;
    MSGPACK_DEFINE(number, filling)
};

/// Stalls a subscriber for five seconds while messages are published to three topics, lets it catch up, and
/// checks what it got against what it says that it missed.
void check_stall(const leat::batching& batch) {
    leat::context ctx;
    leat::socket_options small;
    small.send_frames = small.receive_frames = 50;
    leat::publisher<item> out{ctx, {.bind = "tcp://127.0.0.1:*", .batch = batch, .socket = small}};
    ledger slow, quick;
    leat::subscriber<item> stalled{ctx,
                                   {.connect = out.bound()[0],
                                    .patterns = {"t.*"},
                                    .on_gap = [&](const auto& one) { slow.note(one); },
                                    .socket = small}};
    leat::subscriber<item> reader{ctx,
                                  {.connect = out.bound()[0],
                                   .patterns = {"t.>"},
                                   .on_gap = [&](const auto& one) { quick.note(one); },
                                   .socket = small}};
    REQUIRE(stalled.wait_ready(1, patience) == status::ok);
    REQUIRE(reader.wait_ready(1, patience) == status::ok);

    std::map<std::string, std::uint64_t> totals;
    const auto publish = [&](const std::string& topic) {
        const item one{++totals[topic], std::string(body_size, 'x')};
        REQUIRE(out.publish(topic, one, leat::deadline::now()) == status::ok);
    };
    const std::vector<std::string> topics{"t.a", "t.b", "t.c"};
    leat::publication<item> got;
    for (const leat::deadline over = 5s; !over.passed();) {
        for (const auto& topic : topics) {
            for (int i = 0; i < 10; ++i) publish(topic);
        }
        while (reader.receive(got, 1ms) == status::ok) quick.note(got.topic, got.sequence);
    }
    // Its answer comes after all that had been waiting: then there is room for one last message of each
    // topic.
    REQUIRE(stalled.wait_ready(1, patience) == status::ok);
    REQUIRE(reader.wait_ready(1, patience) == status::ok);
    for (const auto& topic : topics) publish(topic);
    const auto all_last = [&](const ledger& of) {
        return std::all_of(topics.begin(), topics.end(), [&](auto& topic) {
            const auto found = of.got.find(topic);
            return found != of.got.end() && found->second.back() == totals[topic];
        });
    };
    for (auto [in, to] : {std::pair{&stalled, &slow}, std::pair{&reader, &quick}}) {
        while (!all_last(*to)) {
            REQUIRE(in->receive(got, patience) == status::ok);
            REQUIRE(got.value.number == got.sequence);
            to->note(got.topic, got.sequence);
        }
        CHECK(to->in_order);
        CHECK(to->balances(totals));
        CHECK(in->seen().missed.value() == to->missed_in_all());
        CHECK(in->receive(got, leat::deadline::now()) == status::timeout);
    }
    CHECK(slow.missed_in_all() > 1000);
    MESSAGE("published " << 3 * totals["t.a"] << ", the stalled one missed " << slow.missed_in_all()
                         << ", the other one " << quick.missed_in_all());
}

constexpr auto python_subscriber = R"(
import zmq
sub = zmq.Context().socket(zmq.SUB)
sub.rcvhwm = 10
sub.connect(sys.argv[1])
sub.subscribe('t')
for _ in range(int(sys.argv[2])):
    sub.recv_multipart()
    report('one')
report('enough')
sub.recv()
while True: sub.recv()
)";

}  // namespace

TEST_CASE("a subscriber that stalls for five seconds reports exactly what it did not get") {
    check_stall({});
}

TEST_CASE("a subscriber that stalls reports exactly what it did not get, of batches as well") {
    check_stall({.bytes = 4000, .delay = 1ms});
}

TEST_CASE("a gap behind a relay is reported by those behind it") {
    leat::context ctx;
    leat::socket_options small;
    small.send_frames = small.receive_frames = 10;
    support::running_relay relay{ctx,
                                 {.kind = leat::relay_kind::pubsub,
                                  .in = {.bind = "tcp://127.0.0.1:*", .socket = small},
                                  .out = {.bind = "tcp://127.0.0.1:*", .socket = small}}};
    leat::publisher<leat::bytes> out{ctx, {.connect = relay->in_endpoints()[0], .socket = small}};
    ledger seen;
    leat::subscriber<leat::bytes> in{ctx,
                                     {.connect = relay->out_endpoints()[0],
                                      .patterns = {"t"},
                                      .on_gap = [&](const auto& one) { seen.note(one); },
                                      .socket = small}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    std::uint64_t total = 0;
    const std::string body(100'000, 'x');
    for (; total < 2000; ++total)
        REQUIRE(out.publish("t", leat::bytes{std::string_view{body}}, leat::deadline::now()) == status::ok);
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("t", leat::bytes{"last"}) == status::ok);
    ++total;
    leat::publication<leat::bytes> got;
    do {
        REQUIRE(in.receive(got, patience) == status::ok);
        seen.note(got.topic, got.sequence);
    } while (got.value.text() != "last");
    CHECK(seen.in_order);
    CHECK(seen.missed_in_all() > 100);
    CHECK(seen.balances({{"t", total}}));
}

TEST_CASE("block with a stopped subscriber returns at its deadline, and nobody gets what timed out") {
    leat::context ctx;
    leat::socket_options small;
    small.send_frames = 10;
    leat::publisher<leat::bytes> out{
        ctx, {.bind = "tcp://127.0.0.1:*", .overflow = leat::overflow::block, .socket = small}};
    leat::subscriber<leat::bytes> healthy{ctx, {.connect = out.bound()[0], .patterns = {"t"}}};
    auto stopped = support::run_python(python_subscriber, {out.bound()[0].str(), "1"});
    REQUIRE(out.wait_subscribers("t", 2, patience) == status::ok);
    const std::string body(1 << 20, 'x');
    const auto publish = [&](leat::deadline until) {
        return out.publish("t", leat::bytes{std::string_view{body}}, until);
    };
    leat::publication<leat::bytes> got;
    std::uint64_t accepted = 0;
    const auto take = [&] {
        REQUIRE(healthy.receive(got, patience) == status::ok);
        CHECK(got.sequence == ++accepted);
    };
    REQUIRE(publish(patience) == status::ok);
    take();
    REQUIRE(stopped.line(patience) == "one");
    stopped.signal(SIGSTOP);
    auto why = status::ok;
    for (int i = 0; i < 200 && why == status::ok; ++i) {
        why = publish(500ms);
        if (why == status::ok) take();
    }
    REQUIRE(why == status::timeout);
    const auto began = leat::deadline::clock::now();
    CHECK(publish(300ms) == status::timeout);
    const auto took = leat::deadline::clock::now() - began;
    CHECK(took >= 300ms);
    CHECK(took < 10s);
    CHECK(publish(leat::deadline::now()) == status::timeout);
    CHECK(healthy.receive(got, 100ms) == status::timeout);

    SUBCASE("it goes on once that one reads again") {
        stopped.signal(SIGCONT);
    }
    SUBCASE("it goes on once that one is gone") {
        stopped.signal(SIGKILL);
    }
    for (int i = 0; i < 20; ++i) {
        REQUIRE(publish(patience) == status::ok);
        take();
    }
    CHECK(healthy.seen().gaps.value() == 0);
    CHECK(out.counts().would_blocks.value() > 0);
}

TEST_CASE("block loses nothing of what a slow subscriber takes late") {
    leat::context ctx;
    leat::socket_options small;
    small.send_frames = small.receive_frames = 10;
    leat::publisher<std::uint64_t> out{
        ctx, {.bind = "tcp://127.0.0.1:*", .overflow = leat::overflow::block, .socket = small}};
    leat::subscriber<std::uint64_t> one{ctx, {.connect = out.bound()[0], .patterns = {"t"}, .socket = small}};
    leat::subscriber<std::uint64_t> two{ctx, {.connect = out.bound()[0], .patterns = {">"}, .socket = small}};
    REQUIRE(one.wait_ready(1, patience) == status::ok);
    REQUIRE(two.wait_ready(1, patience) == status::ok);
    constexpr std::uint64_t count = 50'000;
    std::jthread publishing{[&] {
        for (std::uint64_t i = 1; i <= count; ++i) {
            if (out.publish("t", i, patience) != status::ok) return;
        }
    }};
    leat::publication<std::uint64_t> got;
    for (std::uint64_t i = 1; i <= count; ++i) {
        for (auto* in : {&one, &two}) {
            REQUIRE(in->receive(got, patience) == status::ok);
            REQUIRE(got.value == i);
        }
    }
    CHECK(one.seen().gaps.value() == 0);
    CHECK(two.receive(got, leat::deadline::now()) == status::timeout);
}

TEST_CASE("closing a publisher waits for room for its open batch no longer than the linger") {
    leat::context ctx;
    leat::socket_options small;
    small.send_frames = small.receive_frames = 2;
    small.linger = 200ms;
    leat::publisher<item> out{ctx,
                              {.bind = "inproc://stalled-batch",
                               .overflow = leat::overflow::block,
                               .batch = {.bytes = 1000, .delay = 1min},
                               .socket = small}};
    leat::subscriber<item> in{ctx, {.connect = out.bound()[0], .patterns = {"t"}, .socket = small}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    std::uint64_t accepted = 0;
    while (out.publish("t", {1, std::string(2000, 'x')}, 50ms) == status::ok) ++accepted;
    CHECK(accepted >= 2);
    const auto began = leat::deadline::clock::now();
    out.close();
    CHECK(leat::deadline::clock::now() - began < 10s);
    CHECK(out.counts().dropped(leat::drop_reason::linger) == 1);
}

#include "reqrep_support.hpp"

#include "support/process.hpp"

#include <array>
#include <mutex>
#include <optional>

namespace {

constexpr int how_many = -1, answer_all = -2;  // requests to a child

/// Serves at the child's argument: keeps all requests until it is told to answer them.
void serve_in_child() {
    leat::context ctx;
    std::mutex mutex;
    std::vector<std::pair<int, responder<int>>> kept;
    bool answers = false;
    const auto handler = [&](const int& n, responder<int> to) {
        const std::lock_guard lock{mutex};
        if (n == how_many) {
            to.reply(static_cast<int>(kept.size()));
        } else if (n == answer_all) {
            answers = true;
            for (auto& [request, whom] : kept) whom.reply(request);
            to.reply(0);
        } else if (answers) {
            to.reply(n);
        } else {
            kept.emplace_back(n, std::move(to));
        }
    };
    const std::string at = support::child_argument();
    leat::reply_options options{.max_open = 100'000};
    if (at.starts_with("relay "))
        options.connect = at.substr(6);
    else if (at.starts_with("join "))
        options.join = at.substr(5);
    else
        options.bind = at;
    replier<int, int> serves{ctx, options, handler};
    support::report(serves.bound().empty() ? "up" : serves.bound()[0].str());
    std::promise<void>{}.get_future().wait();
}

constexpr auto child = "child: keeps every request until it is told to answer";

}  // namespace

TEST_CASE("child: keeps every request until it is told to answer" CHILD_PART) {
    serve_in_child();
}

TEST_CASE(
    "one of three servers is killed with 1,000 calls in flight: every idempotent one is answered, every "
    "other is answered or lost, and each ends once") {
    leat::context ctx;
    std::vector<support::process> servers;
    std::vector<requester<int, int>> each;
    leat::endpoints at;
    for (int i = 0; i < 3; ++i) {
        servers.push_back(support::run_child(child, "tcp://127.0.0.1:*"));
        const auto bound = servers.back().line(patience);
        REQUIRE(bound);
        at.push_back(leat::endpoint{*bound});
        each.emplace_back(ctx, leat::request_options{.connect = at.back()});
    }
    requester<int, int> asks{ctx, {.connect = at}};
    REQUIRE(asks.wait_ready(3, patience) == leat::status::ok);
    constexpr int calls = 1000;
    std::array<std::atomic<int>, calls> ends{};
    std::array<std::atomic<call_status>, calls> how{};
    std::atomic<int> ended = 0, wrong = 0;
    for (int i = 0; i < calls; ++i) {
        asks.async(i, patience, {.idempotent = i % 2 == 0}, [&, i](answer<int>&& a) {
            const auto index = static_cast<std::size_t>(i);
            if (a && *a != i) ++wrong;
            how[index] = a.why();
            ++ends[index];
            ++ended;
        });
    }
    const auto all_are_there = [&] {
        int kept = 0;
        for (auto& one : each) kept += *one.call(how_many, patience);
        return kept == calls;
    };
    REQUIRE(comes_true(all_are_there));
    REQUIRE(asks.in_flight() == calls);
    const int of_the_first = *each[0].call(how_many, patience);
    servers[0].signal(SIGKILL);
    for (std::size_t i : {1u, 2u}) CHECK(each[i].call(answer_all, patience));
    REQUIRE(comes_true([&] { return ended == calls; }));
    int lost = 0;
    for (std::size_t i = 0; i < calls; ++i) {
        CAPTURE(i);
        CHECK(ends[i] == 1);
        const auto end = how[i].load();
        if (i % 2 == 0) CHECK(end == call_status::answered);
        if (i % 2 != 0) CHECK((end == call_status::answered || end == call_status::peer_lost));
        lost += end == call_status::peer_lost ? 1 : 0;
    }
    CHECK(wrong == 0);
    CHECK(lost > 0);
    CHECK(lost + static_cast<int>(asks.counts().retries.value()) == of_the_first);
    CHECK(asks.in_flight() == 0);
    CHECK(asks.counts().of(call_status::answered) == static_cast<std::uint64_t>(calls - lost));
}

TEST_CASE("a server that has connected to its requester is missed at once when it dies") {
    leat::context ctx;
    requester<int, int> asks{ctx, {.bind = "tcp://127.0.0.1:*", .heartbeat = 60s}};
    auto dies = support::run_child(child, "join " + asks.bound()[0].str());
    REQUIRE(dies.line(patience));
    REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
    auto lost = asks.async(1, patience);
    dies.signal(SIGKILL);
    CHECK(lost.get().why() == call_status::peer_lost);
    CHECK(asks.servers() == 0);
}

TEST_CASE("a server that comes back is not given what was lost with it") {
    const support::ipc_path path;
    leat::context ctx;
    std::atomic<int> handled = 0;
    requester<int, int> asks{ctx, {.connect = path.at(), .socket = {.reconnect_first = 1ms}}};
    for (int round = 0; round < 20; ++round) {
        auto server = support::run_child(child, path.at().str());
        REQUIRE(server.line(patience));
        REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
        std::vector<std::future<answer<int>>> lost;
        for (int i = 0; i < 50; ++i) lost.push_back(asks.async(i, patience));
        server.signal(SIGKILL);
        for (auto& one : lost) CHECK(one.get().why() == call_status::peer_lost);
        {
            replier<int, int> back{ctx, {.bind = path.at()}, [&](const int& n) {
                                       ++handled;
                                       return n;
                                   }};
            CHECK(asks.call(1000 + round, patience));
            CHECK(back.counts().requests.value() == 1);
        }
        REQUIRE(comes_true([&] { return asks.servers() == 0; }));  // else the next one seems to be there
    }
    CHECK(handled == 20);
}

TEST_CASE("requester and replier start and end in any order, 200 times") {
    const support::ipc_path path;
    for (int round = 0; round < 200; ++round) {
        CAPTURE(round);
        leat::context ctx;
        std::optional<replier<int, int>> serves;
        std::optional<requester<int, int>> asks;
        const auto serve = [&] {
            serves.emplace(ctx, leat::reply_options{.bind = path.at()}, [](const int& n) { return n + 1; });
        };
        const auto ask = [&] {
            asks.emplace(ctx,
                         leat::request_options{.connect = path.at(),
                                               .socket = {.reconnect_first = 1ms, .reconnect_cap = 10ms}});
        };
        std::future<answer<int>> early;
        if (round % 2 == 0) {
            serve();
            ask();
        } else {
            ask();
            early = asks->async(1, patience);
            serve();
        }
        CHECK(asks->call(round, patience));
        if (early.valid()) CHECK(early.get());
        switch (round % 4) {
            case 0:
                asks.reset();
                ask();
                break;
            case 1:
                serves.reset();
                serve();
                break;
            case 2:
                serves.reset();
                early = asks->async(2, patience, {.idempotent = true});
                serve();
                CHECK(early.get());
                break;
            default:
                serves.reset();
                asks.reset();
                ask();
                serve();
        }
        const auto last = asks->call(round, patience, {.idempotent = true});
        CHECK_MESSAGE(last, describe(last));
        if (round % 3 == 0) asks.reset();
    }
}

TEST_CASE("a worker that dies behind a relay is missed by its silence, and others take over") {
    leat::context ctx;
    support::running_relay relay{ctx, support::relayed(leat::relay_kind::reqrep)};
    auto dies = support::run_child(child, "relay " + relay->out_endpoints()[0].str());
    REQUIRE(dies.line(patience));
    requester<int, int> asks{ctx, {.connect = relay->in_endpoints()[0], .heartbeat = 500ms}};
    REQUIRE(comes_true([&] { return relay->out_counts().connects.value() == 1; }));
    auto once = asks.async(1, patience);
    auto safe = asks.async(2, patience, {.idempotent = true, .retry = {.attempts = 50}});
    REQUIRE(comes_true([&] { return relay->counts().forward.messages_out.value() >= 2; }));
    // As long as it lives nothing is lost: it says that it works on them.
    REQUIRE(comes_true([&] { return relay->counts().back.messages_out.value() >= 6; }));
    CHECK(asks.in_flight() == 2);
    dies.signal(SIGKILL);
    CHECK(once.get().why() == call_status::peer_lost);
    replier<int, int> takes_over{ctx, {.connect = relay->out_endpoints()[0]}, [](const int& n) { return n; }};
    CHECK(*safe.get() == 2);
}

TEST_CASE("what has waited in a relay until its caller gave up is refused by the server that comes") {
    leat::context ctx;
    support::running_relay relay{ctx, support::relayed(leat::relay_kind::reqrep)};
    requester<int, int> asks{ctx, {.connect = relay->in_endpoints()[0]}};
    REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
    CHECK(asks.call(1, 50ms).why() == call_status::timed_out);
    std::atomic<int> handled = 0;
    replier<int, int> late{
        ctx, {.connect = relay->out_endpoints()[0], .max_clock_skew = 0ms}, [&](const int& n) {
            ++handled;
            return n;
        }};
    CHECK(*asks.call(2, patience) == 2);
    CHECK(handled == 1);
    CHECK(late.counts().stale.value() == 1);
}

#include "reqrep_support.hpp"

#include "support/process.hpp"

#include <array>
#include <mutex>
#include <optional>

namespace {

/// Serves at the child's argument: keeps the first 200 requests, and from then on answers all at once.
void serve_in_child(std::size_t keep) {
    leat::context ctx;
    std::mutex mutex;
    std::vector<responder<int>> kept;
    const auto handler = [&](const int& n, responder<int> to) {
        const std::lock_guard lock{mutex};
        if (kept.size() < keep) {
            kept.push_back(std::move(to));
            if (kept.size() == keep) support::report("full");
            return;
        }
        to.reply(n);
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

/// A server in a process of its own for each of the children that are named.
struct servers_in_children {
    explicit servers_in_children(const std::vector<std::string>& names) {
        std::vector<std::string> where;
        for (const auto& name : names) {
            all.push_back(support::run_child(name, "tcp://127.0.0.1:*"));
            const auto at = all.back().line(patience);
            REQUIRE(at);
            where.push_back(*at);
        }
        bound = leat::endpoints{where};
    }

    std::vector<support::process> all;
    leat::endpoints bound;
};

}  // namespace

TEST_CASE("child: keeps 100 requests" CHILD_PART) {
    serve_in_child(100);
}

TEST_CASE("child: keeps every request" CHILD_PART) {
    serve_in_child(100'000);
}

TEST_CASE("child: answers every request" CHILD_PART) {
    serve_in_child(0);
}

TEST_CASE(
    "one of three servers is killed with 1,000 calls in flight: idempotent ones are answered, others "
    "answered or "
    "lost, each once") {
    servers_in_children servers{std::vector<std::string>(3, "child: keeps 100 requests")};
    leat::context ctx;
    requester<int, int> asks{ctx, {.connect = servers.bound}};
    REQUIRE(asks.wait_ready(3, patience) == leat::status::ok);
    constexpr int calls = 1000;
    std::array<std::atomic<int>, calls> ends{};
    std::array<std::atomic<call_status>, calls> how{};
    std::atomic<int> ended = 0;
    for (int i = 0; i < calls; ++i) {
        asks.async(i, patience, {.idempotent = i % 2 == 0}, [&, i](answer<int>&& a) {
            const auto at = static_cast<std::size_t>(i);
            if (a && *a != i) return;
            how[at] = a.why();
            ++ends[at];
            ++ended;
        });
    }
    // The one to be killed has its hundred; the two others answer what they keep only when their turn is
    // over.
    CHECK(servers.all[0].line(patience) == "full");
    const auto before = std::chrono::steady_clock::now();
    servers.all[0].signal(SIGKILL);
    // Everything ends but the hundreds that the others keep.
    REQUIRE(comes_true([&] { return ended >= calls - 200; }));
    CHECK(std::chrono::steady_clock::now() - before < patience / 2);
    for (int i : {1, 2}) servers.all[static_cast<std::size_t>(i)].signal(SIGKILL);
    REQUIRE(comes_true([&] { return asks.servers() == 0; }));
    // A last server takes the idempotent ones that were kept.
    int answered = 0, lost = 0;
    asks.close();
    REQUIRE(comes_true([&] { return ended == calls; }));
    for (std::size_t i = 0; i < calls; ++i) {
        CHECK(ends[i] == 1);
        const auto end = how[i].load();
        if (end == call_status::answered) ++answered;
        if (end == call_status::peer_lost) ++lost;
        if (i % 2 != 0) CHECK((end == call_status::answered || end == call_status::peer_lost));
        if (i % 2 == 0) CHECK((end == call_status::answered || end == call_status::cancelled));
    }
    CHECK(lost > 0);
    CHECK(answered >= 400);
    CHECK(asks.in_flight() == 0);
}

TEST_CASE("every idempotent call outlives the death of one of three servers") {
    servers_in_children servers{
        {"child: keeps every request", "child: answers every request", "child: answers every request"}};
    leat::context ctx;
    requester<int, int> asks{ctx, {.connect = servers.bound}};
    REQUIRE(asks.wait_ready(3, patience) == leat::status::ok);
    std::vector<std::future<answer<int>>> safe, once;
    for (int i = 0; i < 500; ++i) {
        safe.push_back(asks.async(i, patience, {.idempotent = true}));
        once.push_back(asks.async(i, patience));
    }
    REQUIRE(comes_true([&] { return asks.counts().of(call_status::answered) >= 500; }));
    servers.all[0].signal(SIGKILL);
    int lost = 0;
    for (int i = 0; i < 500; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const auto a = safe[at].get();
        CHECK_MESSAGE((a && *a == i), describe(a));
        const auto b = once[at].get();
        CHECK((b.why() == call_status::answered || b.why() == call_status::peer_lost));
        lost += b ? 0 : 1;
    }
    CHECK(lost > 0);
    CHECK(asks.counts().retries.value() > 0);
}

TEST_CASE("a server that has connected to its requester is missed at once when it dies") {
    leat::context ctx;
    requester<int, int> asks{ctx, {.bind = "tcp://127.0.0.1:*", .heartbeat = 60s}};
    auto dies = support::run_child("child: keeps every request", "join " + asks.bound()[0].str());
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
        auto server = support::run_child("child: keeps every request", path.at().str());
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
    auto dies = support::run_child("child: keeps every request", "relay " + relay->out_endpoints()[0].str());
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

#include <leat/context.hpp>
#include <leat/loop.hpp>
#include <leat/socket.hpp>

#include "support/joined.hpp"
#include "support/ports.hpp"
#include "support/throws.hpp"
#include "support/warnings.hpp"

#include <algorithm>
#include <future>
#include <optional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using leat::context;
using leat::deadline;
using leat::endpoint;
using leat::errc;
using leat::role;
using leat::status;
using support::joined;
using support::patience;

namespace {

using clock_type = std::chrono::steady_clock;

template <class Task>
clock_type::duration time_of(Task&& task) {
    const auto start = clock_type::now();
    task();
    return clock_type::now() - start;
}

/// A thread that makes a call that blocks, on a bound socket of its own.
class blocked_call {
public:
    /// `call` is given the socket, and what to call when it is about to block.
    template <class Call>
    blocked_call(context& ctx, role what, Call call) {
        thread_ = std::thread{[this, &ctx, what, call = std::move(call)] {
            leat::socket s{ctx, what};
            s.bind(endpoint{"tcp://127.0.0.1:*"});
            how_ = call(s, [this] { begins_.set_value(); });
        }};
        begins_.get_future().wait();
    }

    /// Waits for the end of the call.
    status end() {
        thread_.join();
        return how_;
    }

private:
    std::promise<void> begins_;
    status how_ = status::ok;
    std::thread thread_;
};

leat::context_options telling(const support::warnings& told,
                              std::chrono::milliseconds close_deadline = patience) {
    return {.close_deadline = close_deadline, .on_warning = told};
}

/// Another thread that holds a bound PULL socket, runs `use` on it, and closes it when `let_go` is set.
class holder {
public:
    template <class Use>
    holder(context& ctx, Use use) {
        std::promise<endpoint> bound;
        auto where = bound.get_future();
        thread_ = std::thread{[this, &ctx, bound = std::move(bound), use]() mutable {
            leat::socket held{ctx, role::pull};
            bound.set_value(held.bind(endpoint{"tcp://127.0.0.1:*"}));
            use(held);
            may_close_.get_future().wait();
        }};
        at_ = where.get().str();
    }

    void let_go() {
        may_close_.set_value();
        thread_.join();
    }

    [[nodiscard]] const std::string& at() const { return at_; }

private:
    std::promise<void> may_close_;
    std::thread thread_;
    std::string at_;
};

}  // namespace

TEST_CASE("a context option out of its range is refused with what is allowed") {
    CHECK_THROWS_LEAT(context{{.io_threads = 0}}, errc::bad_option, "io_threads is 0; allowed are 1 to 64");
    CHECK_THROWS_LEAT(context{{.io_threads = 65}}, errc::bad_option, "io_threads is 65");
    CHECK_THROWS_LEAT(context{{.max_sockets = 7}}, errc::bad_option,
                      "max_sockets is 7; allowed are 8 to 65535");
    CHECK_THROWS_LEAT(context{{.close_deadline = -1ms}}, errc::bad_option, "close_deadline is negative");
}

TEST_CASE("closing a context whose sockets are closed is complete and leaves nothing behind") {
    support::warnings told;
    context ctx{telling(told)};
    {
        joined both{ctx, role::pull, role::push};
        REQUIRE(support::send(both.connector, "hello") == status::ok);
        REQUIRE(support::receive(both.binder) == "hello");
    }
    const auto report = ctx.close(patience);
    CHECK(report.complete);
    CHECK(report.leftovers.empty());
    CHECK(told.lines().empty());
}

TEST_CASE("closing a context ends a receive that blocks another thread, and is complete") {
    context ctx;
    std::promise<status> ended;
    holder other{ctx, [&](leat::socket& s) {
                     leat::message m;
                     ended.set_value(s.receive(m, deadline::never()));
                 }};
    std::promise<leat::close_report> closed;
    std::thread closer{[&] { closed.set_value(ctx.close(patience)); }};
    CHECK(ended.get_future().get() == status::closed);
    other.let_go();
    CHECK(closed.get_future().get().complete);
    closer.join();
}

TEST_CASE("closing a context ends a send that blocks another thread") {
    context ctx;
    blocked_call sends{ctx, role::push, [](leat::socket& s, const auto& begins) {
                           begins();
                           return support::send(s, "nobody takes it", deadline::never());
                       }};
    CHECK(ctx.close(patience).leftovers.empty());
    CHECK(sends.end() == status::closed);
}

TEST_CASE("closing a context ends a poll on its sockets in another thread, and is complete") {
    context ctx;
    blocked_call polls{ctx, role::pull, [](leat::socket& s, const auto& begins) {
                           leat::loop events;
                           events.watch(s, [] {});
                           events.post(begins);
                           return events.run({});
                       }};
    CHECK(ctx.close(patience).complete);
    CHECK(polls.end() == status::closed);
}

TEST_CASE("closing a context ends a wait for a connection in another thread") {
    context ctx;
    blocked_call waits{ctx, role::pull, [](leat::socket& s, const auto& begins) {
                           begins();
                           return s.wait_connected(1, deadline::never());
                       }};
    CHECK(ctx.close(patience).complete);
    CHECK(waits.end() == status::closed);
}

TEST_CASE(
    "a socket that another thread refuses to close is named, and the context left behind at the deadline") {
    support::warnings told;
    context ctx{telling(told)};
    holder other{ctx, [](leat::socket&) {}};
    leat::close_report report;
    const auto took = time_of([&] { report = ctx.close(200ms); });
    CHECK(took >= 200ms);
    CHECK(took < patience);
    CHECK_FALSE(report.complete);
    REQUIRE(report.leftovers.size() == 1);
    CHECK(report.leftovers[0].open);
    CHECK(report.leftovers[0].socket == "pull " + other.at());
    CHECK(told.about("pull " + other.at()).find("still open") != std::string::npos);
    other.let_go();
}

TEST_CASE("a socket that is open in the closing thread itself is named at once, and may be closed later") {
    support::warnings told;
    context ctx{telling(told)};
    leat::socket own{ctx, role::pull};
    const auto at = own.bind(endpoint{"tcp://127.0.0.1:*"});
    leat::close_report report;
    CHECK(time_of([&] { report = ctx.close(patience); }) < patience / 2);
    CHECK_FALSE(report.complete);
    REQUIRE(report.leftovers.size() == 1);
    CHECK(report.leftovers[0].socket == "pull " + at.str());
    CHECK(told.lines().size() == 1);
    own.close();
}

TEST_CASE("closing waits for what other threads hold even while the closing thread holds a socket itself") {
    context ctx;
    leat::socket own{ctx, role::pull};
    own.bind(endpoint{"tcp://127.0.0.1:*"});
    std::promise<void> ready;
    std::thread other{[&] {
        leat::socket s{ctx, role::pull};
        s.bind(endpoint{"tcp://127.0.0.1:*"});
        ready.set_value();
        leat::message m;
        static_cast<void>(s.receive(m, deadline::never()));
    }};
    ready.get_future().wait();
    leat::close_report report;
    CHECK(time_of([&] { report = ctx.close(patience); }) < patience / 2);
    other.join();
    CHECK(report.leftovers.size() == 1);
}

TEST_CASE("messages that no peer took before their linger ended are counted to the last one and named") {
    support::warnings told;
    const support::silent_port nobody;
    context ctx{telling(told)};
    {
        leat::socket s{ctx, role::push, {.linger = 50ms}};
        s.connect(endpoint{nobody.endpoint()});
        for (int i = 0; i < 1000; ++i) REQUIRE(support::send(s, "small", deadline::now()) == status::ok);
    }
    const auto report = ctx.close(patience);
    CHECK(report.complete);
    CHECK(report.messages_lost() == 1000);
    REQUIRE(report.leftovers.size() == 1);
    CHECK_FALSE(report.leftovers[0].open);
    CHECK(told.about("push " + nobody.endpoint()).find("1000 messages were accepted") != std::string::npos);
}

TEST_CASE("messages with a linger longer than the deadline are counted when the context is left behind") {
    support::warnings told;
    const support::silent_port nobody;
    context ctx{telling(told)};
    {
        leat::socket s{ctx, role::push, {.linger = 2s}};
        s.connect(endpoint{nobody.endpoint()});
        for (int i = 0; i < 1000; ++i) REQUIRE(support::send(s, "small", deadline::now()) == status::ok);
    }
    const auto report = ctx.close(50ms);
    CHECK_FALSE(report.complete);
    CHECK(report.messages_lost() == 1000);
    CHECK_FALSE(told.about("1000 messages were accepted").empty());
}

TEST_CASE("messages that were delivered while lingering do not count as lost") {
    support::warnings told;
    context ctx{telling(told)};
    std::optional<leat::socket> taker{std::in_place, ctx, role::pull};
    const auto at = taker->bind(endpoint{"tcp://127.0.0.1:*"});
    {
        leat::socket s{ctx, role::push, {.linger = patience}};
        s.connect(at);
        for (int i = 0; i < 1000; ++i) REQUIRE(support::send(s, "small", deadline::now()) == status::ok);
    }
    for (int i = 0; i < 1000; ++i) REQUIRE(support::receive(*taker) == "small");
    taker.reset();
    const auto report = ctx.close(patience);
    CHECK(report.complete);
    CHECK(report.messages_lost() == 0);
    CHECK(told.lines().empty());
}

TEST_CASE("a connect to nowhere does not hold up closing when nothing was sent") {
    const support::silent_port nobody;
    context ctx;
    { leat::socket{ctx, role::push, {.linger = patience}}.connect(endpoint{nobody.endpoint()}); }
    leat::close_report report;
    CHECK(time_of([&] { report = ctx.close(patience); }) < patience / 2);
    CHECK(report.complete);
}

TEST_CASE("a second close returns the report of the first") {
    support::warnings told;
    context ctx{telling(told)};
    leat::socket own{ctx, role::pull};
    own.bind(endpoint{"tcp://127.0.0.1:*"});
    const auto first = ctx.close(patience);
    own.close();
    const auto second = ctx.close(patience);
    CHECK(second.complete == first.complete);
    REQUIRE(second.leftovers.size() == 1);
    CHECK(second.leftovers[0].socket == first.leftovers[0].socket);
    CHECK(told.lines().size() == 1);
}

TEST_CASE("closes from several threads at the same time all get the same report") {
    context ctx;
    std::vector<std::future<leat::close_report>> reports;
    for (int i = 0; i < 4; ++i) {
        reports.push_back(std::async(std::launch::async, [&] { return ctx.close(patience); }));
    }
    for (auto& one : reports) CHECK(one.get().complete);
}

TEST_CASE("a socket that outlives its context fails with closed") {
    support::warnings told;
    std::optional<context> ctx{std::in_place, telling(told)};
    leat::socket s{*ctx, role::pair};
    s.bind(endpoint{"tcp://127.0.0.1:*"});
    ctx.reset();
    leat::message m{"kept"};
    CHECK(s.send(m, patience) == status::closed);
    CHECK(m.text() == "kept");
    CHECK(s.receive(m, patience) == status::closed);
    CHECK(s.wait_readable(patience) == status::closed);
    CHECK(s.wait_connected(1, patience) == status::closed);
    CHECK_THROWS_LEAT(s.bind(endpoint{"tcp://127.0.0.1:*"}), errc::closed, "the context is closed");
    CHECK_THROWS_LEAT(s.connect(endpoint{"tcp://127.0.0.1:1"}), errc::closed, "the context is closed");
}

TEST_CASE("no socket can be made in a closed context") {
    context ctx;
    ctx.close(patience);
    CHECK_THROWS_LEAT((leat::socket{ctx, role::pull}), errc::closed, "its context is closed");
    CHECK_THROWS_LEAT(ctx.background(), errc::closed, "the context is closed");
}

TEST_CASE("a context out of sockets says so") {
    context ctx{{.max_sockets = 8}};
    std::vector<leat::socket> all;
    const auto fill = [&] {
        for (int i = 0; i < 100; ++i)
            all.emplace_back(ctx, role::pull, leat::socket_options{.monitor = false});
    };
    CHECK_THROWS_LEAT(fill(), errc::no_resources, "cannot open a pull socket");
    all.clear();
    CHECK(ctx.close(patience).complete);
}

TEST_CASE("an exception on the context's loop is a warning, and the loop goes on") {
    support::warnings told;
    context ctx{telling(told)};
    std::promise<void> went_on;
    ctx.background().post([] { throw std::runtime_error{"planted"}; });
    ctx.background().post([&] { went_on.set_value(); });
    CHECK(went_on.get_future().wait_for(patience) == std::future_status::ready);
    CHECK_FALSE(told.about("planted").empty());
}

TEST_CASE("a handler that is stuck on the context's loop does not hang the close, which says so") {
    support::warnings told;
    context ctx{telling(told)};
    const auto let_go = std::make_shared<std::promise<void>>();
    const auto ended = std::make_shared<std::promise<void>>();
    std::promise<void> stuck;
    ctx.background().post([&stuck, let_go, ended] {
        stuck.set_value();
        let_go->get_future().wait();
        ended->set_value();
    });
    stuck.get_future().wait();
    CHECK(time_of([&] { ctx.close(100ms); }) < patience);
    CHECK_FALSE(told.about("the context's loop").empty());
    let_go->set_value();
    ended->get_future().wait();
}

TEST_CASE("a context warns through on_warning") {
    support::warnings told;
    const context ctx{telling(told)};
    ctx.warn("careful");
    CHECK(told.lines() == std::vector<std::string>{"careful"});
}

TEST_CASE("a thousand contexts close completely while two threads send over tcp and inproc") {
    support::warnings told;
    for (int i = 0; i < 1000; ++i) {
        context ctx{telling(told)};
        std::promise<void> busy[2];
        const auto pump = [&](const endpoint& at, std::promise<void>& started) {
            const leat::socket_options quick{.linger = 0ms};
            leat::socket to{ctx, role::pull, quick}, from{ctx, role::push, quick};
            from.connect(to.bind(at));
            for (bool first = true; support::send(from, "load") == status::ok; first = false) {
                if (support::receive(to) != "load") break;
                if (first) started.set_value();
            }
        };
        std::thread tcp{pump, endpoint{"tcp://127.0.0.1:*"}, std::ref(busy[0])};
        std::thread inproc{pump, endpoint{"inproc://load"}, std::ref(busy[1])};
        for (auto& one : busy) one.get_future().wait();
        const auto report = ctx.close(patience);
        tcp.join();
        inproc.join();
        REQUIRE(report.complete);
    }
    for (const auto& line : told.lines()) CHECK_MESSAGE(line.find("still open") == std::string::npos, line);
}

TEST_CASE("the losses of very many closed sockets are summed up") {
    support::warnings told;
    leat::context ctx{{.on_warning = told}};
    constexpr std::uint64_t sockets = 1010;
    for (std::uint64_t i = 0; i < sockets; ++i) {
        leat::socket out{ctx, leat::role::push, {.linger = 0ms, .monitor = false}};
        out.connect(leat::endpoint{"tcp://127.0.0.1:1"});
        REQUIRE(support::send(out, "lost") == leat::status::ok);
    }
    const auto report = ctx.close(support::patience);
    CHECK(report.messages_lost() == sockets);
    CHECK(report.leftovers.size() <= 1002);
    CHECK_FALSE(told.about("sockets closed earlier").empty());
}

#include <leat/reqrep/detail/latency_histogram.hpp>
#include <leat/reqrep/requester.hpp>
#include <leat/reqrep/service.hpp>

#include "support/joined.hpp"
#include "support/throws.hpp"

#include <utility>

using namespace std::chrono_literals;
using leat::bytes;
using leat::client;
using leat::requester;
using leat::service;
using support::patience;

using pair_of_ints = std::pair<int, int>;

namespace {

int add(const pair_of_ints& p) {
    return p.first + p.second;
}

std::string greet(const std::string& name) {
    if (name.empty()) throw std::runtime_error{"no name"};
    return "hello " + name;
}

}  // namespace

TEST_CASE("the methods of a service have types of their own, and share connections") {
    leat::context ctx{{.on_warning = [](auto&) {}}};
    service s{ctx, "all sorts", {.bind = "tcp://127.0.0.1:*", .workers = 2}};
    s.method<pair_of_ints, int>("add", add).method<std::string, std::string>("greet", greet);
    s.method<bytes, bytes>("echo", [](const bytes& b) { return bytes{b.view()}; });
    s.method<int, int>("later", [](const int& n, leat::responder<int> to) { to.reply(n); });
    s.start();
    client c{ctx, {.connect = s.bound()}};
    CHECK(*c.call<int>("add", pair_of_ints{2, 3}, patience) == 5);
    CHECK(*c.call<std::string>("greet", std::string{"ann"}, patience) == "hello ann");
    CHECK(c.call<bytes>("echo", bytes{"x"}, patience)->text() == "x");
    CHECK(*requester<int, int>{c, "later"}.call(7, patience) == 7);
    CHECK(c.call<std::string>("greet", std::string{}, patience).failure().is(leat::reply_code::internal));
    const auto none = c.call<int>("subtract", pair_of_ints{2, 3}, patience);
    CHECK(none.failure().is(leat::reply_code::no_method));
    CHECK(none.failure().text == "the service all sorts has no method 'subtract'");
}

TEST_CASE("a service describes itself") {
    leat::context ctx{{.on_warning = [](auto&) {}}};
    service s{ctx, "greeter", {.bind = "tcp://127.0.0.1:*"}};
    s.method<std::string, std::string>("greet", greet).method<pair_of_ints, int>("add", add);
    CHECK(s.describe().methods.size() == 2);
    CHECK(s.bound().empty());
    s.start();
    client c{ctx, {.connect = s.bound()}};
    for (int i = 0; i < 10; ++i) CHECK(c.call<std::string>("greet", std::string{"ann"}, patience));
    CHECK_FALSE(c.call<std::string>("greet", std::string{}, patience));
    const auto said = c.call<leat::service_description>(leat::describe_method, 0, patience);
    REQUIRE_MESSAGE(said, describe(said));
    CHECK(said->name == "greeter");
    CHECK(said->requests == 12);
    CHECK(said->open == 1);
    REQUIRE(said->methods.size() == 2);
    CHECK(said->methods[0].name == "add");
    CHECK(said->methods[0].handled == 0);
    CHECK(said->methods[1].name == "greet");
    CHECK(said->methods[1].handled == 11);
    CHECK(said->methods[1].threw == 1);
    CHECK(said->methods[1].p50_us > 0);
    CHECK(said->methods[1].p50_us <= said->methods[1].p99_us);
}

TEST_CASE("methods that cannot be added are refused with the reason") {
    leat::context ctx;
    service s{ctx, "greeter", {.bind = "inproc://greeter"}};
    s.method<std::string, std::string>("greet", greet);
    const auto again = [&](const std::string& name) { s.method<std::string, std::string>(name, greet); };
    CHECK_THROWS_LEAT(again("greet"), leat::errc::bad_option, "there is one already");
    CHECK_THROWS_LEAT(again("leat.greet"), leat::errc::bad_option, "leat's own");
    CHECK_THROWS_LEAT(again(std::string(256, 'm')), leat::errc::bad_option, "255 bytes");
    s.start();
    CHECK_THROWS_LEAT(again("other"), leat::errc::bad_option, "has started");
    CHECK_THROWS_LEAT(s.start(), leat::errc::bad_option, "has been started");
}

TEST_CASE("a quantile is exact to an eighth") {
    leat::detail::latency_histogram times;
    CHECK(times.quantile(0.5) == 0ns);
    times.add(1us);
    CHECK(times.quantile(0) >= 1us);
    for (int i = 1; i < 1000; ++i) times.add((i + 1) * 1us);
    CHECK(times.count() == 1000);
    CHECK(times.quantile(0.5) >= 500us);
    CHECK(times.quantile(0.5) <= 500us * 9 / 8);
    CHECK(times.quantile(0.99) >= 990us);
    CHECK(times.quantile(0.99) <= 990us * 9 / 8);
    CHECK(times.quantile(1) >= 1000us);
    times.add(1000h);
    times.add(-1ns);
    CHECK(times.quantile(0) == 0ns);
    CHECK(times.count() == 1002);
}

#include <leat/forwarder/forwarder.hpp>

#include "support/running_relay.hpp"

using leat::relay_kind;
using leat::relay_report;
using leat::role;
using support::connected;
using support::patience;
using support::receive;

namespace {

std::vector<leat::relay_options> one_of_each() {
    return {
        {.name = "work", .in = {.bind = "ipc://*"}, .out = {.bind = "ipc://*"}},
        {.name = "news", .kind = relay_kind::pubsub, .in = {.bind = "ipc://*"}, .out = {.bind = "ipc://*"}},
        {.kind = relay_kind::reqrep, .in = {.bind = "ipc://*"}, .out = {.bind = "ipc://*"}}};
}

struct running {
    leat::forwarder all;
    std::stop_source stop;
    leat::forwarder_report report;
    std::thread thread;

    running(leat::context& ctx, std::vector<leat::relay_options> relays)
        : all(ctx, std::move(relays)), thread([this] { report = all.run(stop.get_token()); }) {}

    leat::forwarder_report& end() {
        stop.request_stop();
        thread.join();
        return report;
    }
};

}  // namespace

TEST_CASE("a forwarder runs relays of all kinds side by side") {
    leat::context ctx;
    running forwarder{ctx, one_of_each()};
    auto& all = forwarder.all;
    auto push = connected(ctx, role::push, all[0].in_endpoints()[0]);
    auto pull = connected(ctx, role::pull, all[0].out_endpoints()[0]);
    auto pub = connected(ctx, role::xpub, all[1].in_endpoints()[0]);
    auto sub = connected(ctx, role::sub, all[1].out_endpoints()[0]);
    auto req = connected(ctx, role::req, all[2].in_endpoints()[0]);
    auto rep = connected(ctx, role::rep, all[2].out_endpoints()[0]);
    sub.subscribe("");
    REQUIRE(receive(pub) == "\x01");
    for (auto [from, to] : {std::pair{&push, &pull}, {&pub, &sub}, {&req, &rep}, {&rep, &req}}) {
        REQUIRE(support::send(*from, "hello") == leat::status::ok);
        CHECK(receive(*to) == "hello");
    }
    const auto& report = forwarder.end();
    CHECK(report.complete());
    CHECK(
        report.text() ==
        "work: stopped; 1 moved\nnews: stopped; 1 moved, 1 returned\nreqrep: stopped; 1 moved, 1 returned\n");
}

TEST_CASE("one relay can feed another one") {
    leat::context ctx;
    running forwarder{ctx,
                      {{.in = {.bind = "ipc://*"}, .out = {.connect = "inproc://between"}},
                       {.in = {.bind = "inproc://between"}, .out = {.bind = "ipc://*"}}}};
    auto push = connected(ctx, role::push, forwarder.all[0].in_endpoints()[0]);
    auto pull = connected(ctx, role::pull, forwarder.all[1].out_endpoints()[0]);
    for (int i = 0; i < 100; ++i) REQUIRE(support::send(push, std::to_string(i)) == leat::status::ok);
    for (int i = 0; i < 100; ++i) CHECK(receive(pull) == std::to_string(i));
    CHECK(forwarder.end().complete());
}

TEST_CASE("a relay that fails stops the others, and the report says which and why") {
    leat::context ctx;
    leat::forwarder all{ctx, one_of_each()};
    std::stop_source stopped;
    stopped.request_stop();
    static_cast<void>(all[1].run(stopped.get_token()));
    const auto report = all.run({});
    CHECK_FALSE(report.complete());
    CHECK(report.relays[0].ended == relay_report::ending::stopped);
    CHECK(report.relays[1].ended == relay_report::ending::failed);
    CHECK(report.relays[1].failure == "relay news has run before; make another one");
    CHECK(report.relays[2].ended == relay_report::ending::stopped);
}

TEST_CASE("a forwarder ends with its context") {
    leat::context ctx;
    running forwarder{ctx, one_of_each()};
    CHECK(ctx.close(patience).complete);
    forwarder.thread.join();
    for (const auto& one : forwarder.report.relays) CHECK(one.ended != relay_report::ending::failed);
}

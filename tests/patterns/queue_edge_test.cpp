// Plain ZeroMQ peers beside a queue: PUSH and REQ peers and publishers put, PULL peers take.

#include "queue_support.hpp"

#include <leat/queue/edge.hpp>
#include <leat/socket.hpp>

#include "support/throws.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using leat::edge_kind;

namespace {

leat::edge_options beside(const leat::queue& q, edge_kind kind) {
    return {
        .kind = kind, .queue = {q.bound().str(), q.name()}, .bind = {leat::endpoint{"tcp://127.0.0.1:*"}}};
}

/// A peer that knows nothing of leat.
leat::socket plain(leat::context& ctx, leat::role what, const leat::edge& to) {
    leat::socket made{ctx, what};
    made.connect(to.bound()[0]);
    return made;
}

void send(leat::socket& to, const std::vector<std::string_view>& frames) {
    leat::socket::parts all;
    for (const auto one : frames) all.emplace_back(one);
    REQUIRE(to.send(all, patience) == status::ok);
}

std::vector<std::string> receive(leat::socket& from) {
    leat::socket::parts all;
    REQUIRE(from.receive(all, patience) == status::ok);
    std::vector<std::string> texts;
    for (const auto& one : all) texts.emplace_back(one.text());
    return texts;
}

}  // namespace

TEST_CASE("what PUSH peers send is put, in order, and waits while the queue is full") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_messages = 10;
    leat::queue q{ctx, here(rules)};
    leat::edge in{ctx, beside(q, edge_kind::pull)};
    auto push = plain(ctx, leat::role::push, in);
    for (int i = 0; i < 100; ++i) send(push, {std::to_string(i)});
    REQUIRE(comes_true([&] { return q.stat().depth.live() == 10; }));
    leat::consumer<leat::bytes> out{ctx, q.bound().str(), {.queue = "work"}};
    for (int i = 0; i < 100; ++i) {
        auto one = out.next(patience);
        REQUIRE(one);
        CHECK_EQ((**one).text(), std::to_string(i));
        one->ack();
    }
    CHECK(in.close(patience) == status::ok);
    CHECK_EQ(in.counts().messages, 100);
}

TEST_CASE("what has arrived is put at the end, and what finds no room is counted") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_messages = 10;
    leat::queue small{ctx, here(rules)};
    auto options = beside(small, edge_kind::pull);
    leat::edge in{ctx, options};
    auto push = plain(ctx, leat::role::push, in);
    for (int i = 0; i < 100; ++i) send(push, {std::to_string(i)});
    REQUIRE(push.wait_sent(patience) == status::ok);
    REQUIRE(comes_true([&] { return small.stat().depth.parked > 0; }));
    CHECK(in.close(50ms) == status::timeout);  // puts wait for room
    CHECK_EQ(small.stat().depth.live(), 10);

    leat::queue q{ctx, here()};
    leat::edge other{ctx, beside(q, edge_kind::pull)};
    auto more = plain(ctx, leat::role::push, other);
    for (int i = 0; i < 5000; ++i) send(more, {std::to_string(i)});
    REQUIRE(more.wait_sent(patience) == status::ok);
    REQUIRE(comes_true([&] { return q.stat().depth.live() > 0; }));
    CHECK(other.close(patience) == status::ok);
    CHECK_EQ(other.counts().unput, 0);
    CHECK_EQ(other.counts().messages, q.stat().depth.live());
}

TEST_CASE("a message of several frames is no body") {
    leat::context ctx;
    leat::queue q{ctx, here()};
    leat::edge in{ctx, beside(q, edge_kind::pull)};
    auto push = plain(ctx, leat::role::push, in);
    send(push, {"two", "frames"});
    send(push, {"one"});
    CHECK(comes_true([&] { return in.counts().messages == 1; }));
    CHECK_EQ(in.counts().malformed, 1);
    CHECK_EQ(q.stat().depth.ready, 1);
}

TEST_CASE("a REQ peer hears that its message is stored, and where") {
    leat::context ctx;
    leat::queue q{ctx, here()};
    leat::edge in{ctx, beside(q, edge_kind::rep)};
    auto req = plain(ctx, leat::role::req, in);
    const auto ask = [&](const std::vector<std::string_view>& frames) {
        send(req, frames);
        const auto answer = receive(req);
        REQUIRE_EQ(answer.size(), 1);
        return answer[0];
    };
    CHECK_EQ(ask({"one"}), "ok 1");
    CHECK_EQ(ask({"an id", "two"}), "ok 2");
    CHECK_EQ(ask({"an id", "two again"}), "duplicate");
    CHECK_EQ(ask({"three"}), "ok 3");
    CHECK_EQ(q.stat().depth.ready, 3);
    q.pause_puts(true);
    CHECK_EQ(ask({"four"}), "error paused the queue has refused it");
    CHECK_EQ(in.counts().messages, 4);
    CHECK_EQ(in.counts().refused, 1);
}

TEST_CASE("many REQ peers are each answered, and those that wait at its end as well") {
    leat::context ctx;
    leat::queue q{ctx, here()};
    leat::edge in{ctx, beside(q, edge_kind::rep)};
    constexpr int n = 50;
    std::vector<leat::socket> all;
    for (int i = 0; i < n; ++i) all.push_back(plain(ctx, leat::role::req, in));
    for (auto& one : all) send(one, {"body"});
    std::set<std::string> answers;
    for (auto& one : all) answers.insert(receive(one).at(0));
    CHECK_EQ(answers.size(), n);
    CHECK_EQ(q.stat().depth.ready, n);
    CHECK(in.close(patience) == status::ok);
}

TEST_CASE("a request through a DEALER keeps its envelope, and a wrong one is told so") {
    leat::context ctx;
    leat::queue q{ctx, here()};
    leat::edge in{ctx, beside(q, edge_kind::rep)};
    auto dealer = plain(ctx, leat::role::dealer, in);
    send(dealer, {"no envelope"});
    send(dealer, {"", "a", "b", "c"});
    const auto wrong = receive(dealer);
    CHECK(wrong ==
          std::vector<std::string>{"", "error bad_message a request is a body, or an id and a body"});
    send(dealer, {"hop", "", "body"});
    CHECK(receive(dealer) == std::vector<std::string>{"hop", "", "ok 1"});
    CHECK_EQ(in.counts().malformed, 2);
}

TEST_CASE("publications are put with their topic, and dropped when the queue has no room") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_messages = 2;
    rules.overflow = leat::queue_overflow::reject;
    leat::queue q{ctx, here(rules)};
    leat::socket_options watched;
    watched.monitor = true;
    leat::socket pub{ctx, leat::role::xpub, watched};
    const auto at = pub.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    auto options = beside(q, edge_kind::sub);
    options.bind = {};
    options.connect = {at};
    options.topics = {"orders."};
    leat::edge in{ctx, options};
    CHECK(receive(pub) == std::vector<std::string>{"\1orders."});  // it has subscribed
    send(pub, {"news.one", "not asked for"});
    send(pub, {"orders.one", "first", "and a trailer"});
    send(pub, {"orders.two"});
    send(pub, {"orders.three", "no room"});
    CHECK(comes_true([&] { return in.counts().refused == 1; }));
    leat::consumer<leat::bytes> out{ctx, q.bound().str(), {.queue = "work"}};
    auto one = out.next(patience);
    REQUIRE(one);
    CHECK_EQ((**one).text(), "first");
    CHECK(one->headers() == std::map<std::string, std::string>{{"topic", "orders.one"}});
    one->ack();
    auto two = out.next(patience);
    REQUIRE(two);
    CHECK_EQ((**two).text(), "orders.two");
    CHECK(two->headers().empty());
    two->ack();
}

TEST_CASE("each message goes to one of the PULL peers, and what the socket does not have is released") {
    leat::context ctx;
    leat::queue q{ctx, here()};
    leat::producer<leat::bytes> to{ctx, q.bound().str(), {.queue = "work"}};
    for (int i = 0; i < 10; ++i) to.put(leat::bytes{std::to_string(i)});
    REQUIRE_EQ(to.flush(patience), 0);
    {
        leat::edge nobody{ctx, beside(q, edge_kind::push)};
        CHECK(nobody.close(patience) == status::ok);
        CHECK_EQ(nobody.counts().messages, 0);
    }
    CHECK(comes_true([&] { return q.stat().depth.ready == 10; }));
    leat::edge out{ctx, beside(q, edge_kind::push)};
    auto pull = plain(ctx, leat::role::pull, out);
    for (int i = 0; i < 10; ++i) CHECK(receive(pull) == std::vector<std::string>{std::to_string(i)});
    CHECK(comes_true([&] { return q.stat().depth.live() == 0; }));
    CHECK_EQ(q.stat().counts.lost, 0);
}

TEST_CASE("an edge that cannot be is refused") {
    leat::context ctx;
    const auto made = [&](const leat::edge_options& o) { return leat::edge{ctx, o}; };
    CHECK_THROWS_LEAT(made({}), leat::errc::bad_option, "queue: it needs an endpoint, and a name");
    leat::edge_options o{.queue = {"tcp://127.0.0.1:1", "work"}};
    CHECK_THROWS_LEAT(made(o), leat::errc::bad_option, "bind, connect: an edge needs an endpoint");
    o.bind = {leat::endpoint{"tcp://127.0.0.1:*"}};
    o.topics = {"orders"};
    CHECK_THROWS_LEAT(made(o), leat::errc::bad_option, "topics: they go with kind sub");
}

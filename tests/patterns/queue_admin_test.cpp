// Looking into a queue, and steering it, from here and from elsewhere.

#include <leat/queue/consumer.hpp>
#include <leat/queue/detail/recent_counts.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>
#include <leat/queue/queue_admin.hpp>

#include "support/joined.hpp"
#include "support/ports.hpp"
#include "support/rogue.hpp"
#include "support/running_relay.hpp"
#include "support/tcp_proxy.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using leat::status;
using support::comes_true;
using support::patience;
using support::rogue;

namespace {

using text_consumer = leat::consumer<std::string>;
using text_producer = leat::producer<std::string>;
using texts = std::vector<std::string>;

leat::queue_options here(leat::queue_rules rules = {}) {
    return {.name = "work", .bind = "tcp://127.0.0.1:*", .rules = rules};
}

/// The text that a body has.
std::string text_of(const std::string& body) {
    std::string text;
    REQUIRE(leat::decode(std::as_bytes(std::span{body}), text) == leat::decode_error::none);
    return text;
}

template <class Shown>
texts texts_of(const std::vector<Shown>& all) {
    texts out;
    for (const auto& one : all) out.push_back(text_of(one.body));
    return out;
}

/// All figures but those that time alone changes.
auto steady(const leat::queue_stat& stat) {
    auto all = leat::figures(stat);
    std::erase_if(all, [](const auto& one) {
        return one.first.starts_with("oldest_ms") || one.first.starts_with("recent") ||
               one.first == "dedup_span_ms";
    });
    return all;
}

/// Takes one message and does with it what the test says.
template <class Act>
void handle(text_consumer& in, Act act) {
    auto got = in.next(patience);
    REQUIRE(got);
    act(*got);
}

}  // namespace

TEST_CASE("what a queue does is the same in figures, asked here and from elsewhere") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 12;
    leat::queue work{ctx, here(rules)};
    leat::context elsewhere;
    leat::queue_admin admin{elsewhere, work.bound(), {.queue = "work"}};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work", .prefetch = 4}};
    const auto put = [&](const char* text, const leat::put_options& how = {}) {
        return out.put_async(text, how).get().what;
    };
    const auto settle = [&](auto act) { handle(in, act); };

    put("released", {.priority = 9});
    settle([](auto& d) { d.release(); });
    settle([](auto& d) { d.ack(); });
    put("rejected");
    settle([](auto& d) { d.reject("no"); });
    put("first of k", {.key = "k"});
    put("second of k", {.key = "k"});
    put("same", {.id = "i"});
    CHECK(put("same", {.id = "i"}) == leat::verdict::duplicate);
    put("later", {.delay = 1h});
    std::vector<leat::delivery<std::string>> held;
    settle([&](auto& d) { held.push_back(std::move(d)); });
    settle([&](auto& d) { held.push_back(std::move(d)); });
    while (put("low", {.priority = 1}) == leat::verdict::stored) continue;
    REQUIRE(comes_true([&] {  // it has room for less than two more, so it gives no more credit
        const auto now = work.stat();
        return now.depth.in_flight >= 3 && now.each_consumer[0].credit_messages == 0;
    }));

    const auto near = work.stat();
    const auto far = admin.stat(patience);
    REQUIRE(far);
    CHECK(steady(near) == steady(*far));
    CHECK(far->longest_held.size() == 1);
    CHECK(near.longest_held[0].key == "k");
    CHECK(far->longest_held[0].key == "k");
    CHECK(far->longest_held[0].waiting == 1);
    REQUIRE(near.each_consumer.size() == 1);
    CHECK(near.each_consumer == far->each_consumer);

    const auto& c = far->counts;
    CHECK(c.admitted == 14);
    CHECK(c.acked == 1);
    CHECK(c.released == 1);
    CHECK(c.redelivered == 1);
    CHECK(c.dead[static_cast<std::size_t>(leat::death::rejected)] == 1);
    CHECK(c.refused[static_cast<std::size_t>(leat::put_refusal::full)] == 1);
    CHECK(c.same_id == 1);
    CHECK(far->depth.live() == 12);
    CHECK(far->depth.delayed == 1);
    CHECK(far->depth.waiting == 1);
    CHECK(far->oldest[1].has_value());
    CHECK_FALSE(far->oldest[4].has_value());
    CHECK(far->keys == 1);
    CHECK(far->keys_held == 1);
    CHECK(far->dead_letters == 1);
    CHECK(far->dead_letter_bytes > 64);
    CHECK(far->each_consumer[0].in_flight == far->depth.in_flight);
    CHECK(far->put_batches.messages == 16);
    CHECK(far->delivery_batches.messages == c.deliveries);
    CHECK(far->settle_batches.messages == 3);
    CHECK(far->recent.admitted == 14);
    CHECK(far->recent.per_second(far->recent.admitted) > 0);
}

TEST_CASE("rates are those of about the last ten seconds, also after a long silence") {
    constexpr leat::detail::queueing::ticks second = 1'000'000'000;
    leat::detail::recent_counts recent;
    leat::queue_counts counts;
    for (int s = 0; s < 60; ++s) {
        recent.look(s * second, counts);
        counts.admitted += 5;
        recent.look(s * second + second / 2, counts);  // within the same second
        counts.acked += 1;
    }
    auto now = recent.until(60 * second, counts);
    CHECK(now.within == 10s);
    CHECK(now.admitted == 50);
    CHECK(now.per_second(now.acked) == 1);
    now = recent.until(1000 * second, counts);
    CHECK(now.admitted == 5);
    CHECK(now.within > 900s);
}

TEST_CASE("peek shows what comes first, with all it has, and takes nothing") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    leat::queue_admin admin{ctx, work.bound(), {.queue = "work"}};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    out.put("plain");
    out.put("urgent", {.key = "k", .id = "i", .priority = 9, .headers = {{"a", "b"}}});
    out.put("later", {.delay = 1h});
    REQUIRE(out.flush(patience) == 0);
    const auto all = admin.peek(10, patience);
    REQUIRE(all);
    CHECK(texts_of(*all) == texts{"urgent", "plain"});
    const auto& first = all->front().attributes;
    CHECK(first.key == "k");
    CHECK(first.id == "i");
    CHECK(first.priority == 9);
    CHECK(first.headers.at("a") == "b");
    CHECK(all->back().seq == 1);
    const auto near = work.peek();
    CHECK(texts_of(near) == texts_of(*all));
    CHECK(near[0].since == all->front().since);
    CHECK(std::chrono::system_clock::now() - near[0].since < 60s);
    CHECK(texts_of(*admin.peek(1, patience)) == texts{"urgent"});
    CHECK(admin.peek(0, patience)->empty());
    CHECK(work.stat().depth.ready == 2);
}

TEST_CASE("an answer that is too long for one frame is told in several") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    leat::queue_admin admin{ctx, work.bound(), {.queue = "work"}};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    texts all;
    for (const char c : std::string{"abcdefg"}) all.push_back(std::string(300'000, c));
    for (const auto& text : all) out.put(text);
    REQUIRE(out.flush(patience) == 0);
    CHECK(texts_of(*admin.peek(10, patience)) == texts(all.begin(), all.begin() + 3));
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    for (std::size_t i = 0; i < all.size(); ++i) handle(in, [](auto& d) { d.reject("long"); });
    REQUIRE(comes_true([&] { return work.stat().dead_letters == all.size(); }));
    CHECK(texts_of(*admin.dead_letters({}, 100, patience)) == all);
    CHECK(texts_of(*admin.dead_letters({}, 5, patience)) == texts(all.begin(), all.begin() + 5));
}

TEST_CASE("dead letters are selected, sent back in their order, and purged, from elsewhere") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_attempts = 1;
    leat::queue work{ctx, here(rules)};
    leat::queue_admin admin{ctx, work.bound(), {.queue = "work"}};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    for (const auto* text : {"a1", "r1", "a2", "r2", "a3"})
        out.put(text, {.key = text[1] == '2' ? "two" : ""});
    {
        text_consumer in{ctx, work.bound(), {.queue = "work", .prefetch = 1}};
        for (int i = 0; i < 5; ++i) {
            handle(in, [](auto& d) { (*d)[0] == 'a' ? d.retry() : d.reject("unloved"); });
        }
    }
    REQUIRE(comes_true([&] { return work.stat().dead_letters == 5 && work.stat().each_consumer.empty(); }));
    const auto all = admin.dead_letters({}, 100, patience);
    REQUIRE(all);
    REQUIRE(texts_of(*all) == texts{"a1", "r1", "a2", "r2", "a3"});
    CHECK((*all)[1].why == leat::death::rejected);
    CHECK((*all)[1].text == "unloved");
    CHECK((*all)[0].why == leat::death::attempts);
    CHECK((*all)[0].attempts == 1);
    CHECK((*all)[0].origin.seq == 1);
    CHECK((*all)[2].attributes.key == "two");
    CHECK((*all)[0].put_at <= *(*all)[0].delivered_at);
    CHECK(*(*all)[0].delivered_at <= (*all)[0].died_at);
    CHECK((*all)[0].last_consumer != leat::id128{});
    CHECK(texts_of(work.dead_letters()) == texts_of(*all));
    CHECK(work.dead_letters()[0].origin == (*all)[0].origin);

    const auto selected = [&](const leat::letter_selection& which) {
        return texts_of(*admin.dead_letters(which, 100, patience));
    };
    CHECK(selected({.why = leat::death::rejected}) == texts{"r1", "r2"});
    CHECK(selected({.key = "two"}) == texts{"a2", "r2"});
    CHECK(selected({.why = leat::death::attempts, .key = "two"}) == texts{"a2"});
    CHECK(selected({.older_than = 1h}).empty());
    CHECK(selected({.older_than = 0s}).size() == 5);
    CHECK(selected({.seqs = {(*all)[4].seq, (*all)[0].seq}}) == texts{"a1", "a3"});
    CHECK(selected({.after = (*all)[2].seq}) == texts{"r2", "a3"});
    CHECK_THROWS_LEAT(static_cast<void>(selected({.seqs = std::vector<std::uint64_t>(10'001)})),
                      leat::errc::bad_option, "10000");

    auto report = admin.redrive({.why = leat::death::attempts}, 2, patience);
    REQUIRE(report);
    CHECK(report->moved == 2);
    CHECK(report->left == 1);
    CHECK(texts_of(*admin.peek(9, patience)) == texts{"a1", "a2"});
    CHECK(work.redrive({.key = "two"}).moved == 1);
    CHECK(texts_of(work.peek()) == texts{"a1", "a2"});  // r2 waits behind its key
    CHECK(work.stat().depth.waiting == 1);
    CHECK(*admin.purge_dead_letters(patience) == 2);
    CHECK(selected({}).empty());
    CHECK(*admin.purge(patience) == 3);
    CHECK(work.stat().depth.live() == 0);
}

TEST_CASE("a queue is paused and resumed from elsewhere") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    leat::queue_admin admin{ctx, work.bound(), {.queue = "work"}};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    CHECK(admin.pause_takes(true, patience) == status::ok);
    CHECK(admin.stat(patience)->takes_paused);
    CHECK(out.put_async("one").get().what == leat::verdict::stored);
    CHECK(in.next(20ms).why() == status::timeout);
    CHECK(admin.pause_takes(false, patience) == status::ok);
    handle(in, [](auto& d) { d.ack(); });
    CHECK(admin.pause_puts(true, patience) == status::ok);
    const auto refused = out.put_async("two").get();
    CHECK(refused.what == leat::verdict::refused);
    CHECK(refused.why == leat::put_refusal::paused);
    CHECK(admin.pause_puts(false, patience) == status::ok);
    CHECK(out.put_async("two").get().what == leat::verdict::stored);
    CHECK_FALSE(work.stat().puts_paused);
}

TEST_CASE("a queue that is not there is told from one that cannot be reached") {
    leat::context ctx;
    leat::queue_admin nobody{ctx, support::fresh_inproc(), {.queue = "work"}};
    CHECK(nobody.stat(50ms).why() == status::timeout);
    leat::queue work{ctx, here()};
    leat::queue_admin wrong{ctx, work.bound(), {.queue = "orders"}};
    CHECK_THROWS_LEAT(static_cast<void>(wrong.stat(patience)), leat::errc::connect_failed,
                      "no queue named orders");
    CHECK_THROWS_LEAT(static_cast<void>(wrong.purge(patience)), leat::errc::connect_failed, "orders");
    leat::queue orders{ctx, {.name = "orders", .bind = work.bound().str()}};
    CHECK(comes_true([&] {  // and once it is there, it is found
        try {
            return bool{wrong.stat(patience)};
        } catch (const leat::error&) {
            return false;
        }
    }));
    CHECK_THROWS_LEAT(leat::queue_admin(ctx, work.bound(), {}), leat::errc::bad_option, "queue");
    CHECK(ctx.close(patience).complete);
    CHECK(wrong.stat(patience).why() == status::closed);
}

TEST_CASE("a question whose connection breaks is asked again, a change is not") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    support::tcp_proxy way{work.bound()};
    leat::queue_admin admin{
        ctx, way.at(), {.queue = "work", .socket = {.reconnect_first = 5ms, .reconnect_cap = 50ms}}};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    out.put("one");
    REQUIRE(out.flush(patience) == 0);
    REQUIRE(admin.stat(patience));
    for (const bool change : {false, true}) {
        way.freeze();
        status how = status::timeout;
        std::thread asks{[&] { how = change ? admin.purge(patience).why() : admin.stat(patience).why(); }};
        CHECK(admin.stat(50ms).why() == status::timeout);
        way.cut();
        way.thaw();
        asks.join();
        CHECK(how == (change ? status::no_peer : status::ok));
        REQUIRE(admin.stat(patience));
    }
    CHECK(work.stat().depth.ready == 1);
}

TEST_CASE("only a session of its own role may look into a queue, and what it asks is checked") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    namespace wire = leat::detail::wire;
    using namespace support::answers;
    rogue producer{ctx, work.bound(), wire::role::producer}, admin{ctx, work.bound(), wire::role::admin};
    const auto is_told = [](rogue& who, auto frame, int what) {
        who.say(who.hello);
        REQUIRE(who.answer() == welcome);
        who.say(frame);
        CHECK(who.answer() == what);
    };
    wire::operate purge;
    purge.what = 1;
    is_told(producer, wire::peek{}, bad_frame);
    is_told(producer, wire::letters{}, bad_frame);
    is_told(producer, purge, bad_frame);
    is_told(producer, wire::stat{}, figures);
    is_told(admin, purge, done);
    is_told(admin, wire::operate{}, bad_frame);
    purge.what = 8;
    is_told(admin, purge, bad_frame);
    purge.what = 1;
    purge.which.why = 200;
    is_told(admin, purge, bad_frame);
    wire::letters letters;
    letters.which.why = 200;
    is_told(admin, letters, bad_frame);
    letters.which = {};
    letters.most = ~std::uint64_t{0};
    is_told(admin, letters, dead);
    wire::peek peek;
    peek.most = ~std::uint64_t{0};
    is_told(admin, peek, messages);
}

TEST_CASE("letters that are sent back after a long silence live for the queue's whole ttl") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.ttl = 2s;
    leat::queue work{ctx, here(rules)};
    {
        text_producer out{ctx, work.bound(), {.queue = "work"}};
        text_consumer in{ctx, work.bound(), {.queue = "work"}};
        out.put("one");
        auto got = in.next(patience);
        REQUIRE(got);
        got->reject("bad");
        REQUIRE(comes_true([&] { return work.stat().dead_letters == 1; }));
    }
    // Nothing happens in the queue, for longer than the ttl.
    const leat::deadline silence{2200ms};
    REQUIRE(comes_true([&] { return silence.passed(); }));
    CHECK(work.redrive().moved == 1);
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    auto got = in.next(patience);
    REQUIRE(got);
    got->ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == 1; }));
    CHECK(work.stat().counts.expired == 0);
}

#include <leat/context.hpp>
#include <leat/pipeline/puller.hpp>
#include <leat/pipeline/pusher.hpp>
#include <leat/pipeline/stage.hpp>

#include "support/throws.hpp"

#include <future>
#include <map>
#include <thread>

using namespace std::chrono_literals;
using leat::bytes;
using leat::status;

namespace {

struct record {
    std::uint64_t number = 0;
    std::string text;
    MSGPACK_DEFINE(number, text)
};

struct other {
    std::vector<std::string> words;
    MSGPACK_DEFINE(words)
};

constexpr auto soon = 10s;

leat::push_options to(const leat::endpoint& where, leat::batching batch = {}) {
    return {.connect = where, .batch = batch};
}

}  // namespace

TEST_CASE("what is pushed is pulled, in order") {
    leat::context ctx;
    leat::puller<record> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<record> out{ctx, to(in.bound()[0])};
    for (std::uint64_t i = 0; i < 1000; ++i)
        REQUIRE(out.send({i, "text " + std::to_string(i)}, soon) == status::ok);
    record got;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        REQUIRE(in.receive(got, soon) == status::ok);
        CHECK(got.number == i);
        CHECK(got.text == "text " + std::to_string(i));
    }
    CHECK(in.receive(got, leat::deadline::now()) == status::timeout);
    CHECK(in.counts().messages_received.value() == 1000);
    CHECK(out.counts().messages_sent.value() == 1000);
}

TEST_CASE("bytes pass untouched, the empty frame too") {
    leat::context ctx;
    leat::puller<bytes> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<bytes> out{ctx, to(in.bound()[0])};
    for (const auto& text : {std::string{}, std::string{"\0\xff", 2}, std::string(1 << 20, 'x')}) {
        REQUIRE(out.send(bytes{std::string_view{text}}, soon) == status::ok);
        auto got = in.receive(soon);
        REQUIRE(got);
        CHECK(got->text() == text);
    }
}

TEST_CASE("a batch is sent when it is full") {
    leat::context ctx;
    leat::puller<record> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<record> out{ctx, to(in.bound()[0], {.bytes = 1000, .delay = 1min})};
    for (std::uint64_t i = 0; i < 1000; ++i) REQUIRE(out.send({i, std::string(90, 'x')}, soon) == status::ok);
    record got;
    for (std::uint64_t i = 0; i < 990; ++i) {
        REQUIRE(in.receive(got, soon) == status::ok);
        CHECK(got.number == i);
    }
    CHECK(out.counts().batches_sent.value() < 110);
    CHECK(out.counts().messages_sent.value() > 980);
}

TEST_CASE("a batch that is not full is sent when its delay has passed, without another call") {
    leat::context ctx;
    leat::puller<record> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<record> out{ctx, to(in.bound()[0], {.bytes = leat::full_batch, .delay = 2ms})};
    for (std::uint64_t i = 0; i < 5; ++i) {
        REQUIRE(out.send({i, "a"}, soon) == status::ok);
        REQUIRE(out.send({i, "b"}, soon) == status::ok);
        auto first = in.receive(soon);
        auto second = in.receive(soon);
        REQUIRE((first && second));
        CHECK(first->text == "a");
        CHECK(second->text == "b");
    }
}

TEST_CASE("flush and close send the open batch") {
    leat::context ctx;
    leat::puller<record> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    {
        leat::pusher<record> out{ctx, to(in.bound()[0], {.bytes = leat::full_batch, .delay = 1min})};
        REQUIRE(out.send({1, "flushed"}, soon) == status::ok);
        CHECK(out.flush(soon) == status::ok);
        CHECK(in.receive(soon)->text == "flushed");
        REQUIRE(out.send({2, "closed"}, soon) == status::ok);
    }
    auto got = in.receive(soon);
    REQUIRE(got);
    CHECK(got->text == "closed");
}

TEST_CASE(
    "a pusher without a peer does not accept when it binds, and accepts up to its bound when it connects") {
    leat::context ctx{{.close_deadline = 1s, .on_warning = [](const std::string&) {}}};
    leat::pusher<bytes> bound{ctx, {.bind = "tcp://127.0.0.1:*"}};
    CHECK_FALSE(bound.try_send(bytes{"x"}));

    constexpr std::size_t bound_bytes = 1u << 20, frame = 1000;
    leat::pusher<bytes> lonely{ctx,
                               {.connect = "tcp://127.0.0.1:1",
                                .socket = {.send_bytes = bound_bytes, .send_frames = 0, .linger = 0ms}}};
    std::size_t accepted = 0;
    while (lonely.try_send(bytes{std::size_t{frame}})) ++accepted;
    CHECK(accepted * frame > bound_bytes / 2);
    CHECK(accepted * frame <= bound_bytes + frame);
    CHECK(lonely.send(bytes{std::size_t{frame}}, 20ms) == status::timeout);
    CHECK(lonely.counts().would_blocks.value() >= 1);
}

TEST_CASE("a pusher blocks while its puller has stopped reading, and nothing is lost when it reads on") {
    leat::context ctx;
    const leat::socket_options small{.send_bytes = 256u << 10, .receive_bytes = 64u << 10};
    leat::puller<record> in{ctx, {.bind = "tcp://127.0.0.1:*", .socket = small}};
    leat::pusher<record> out{ctx, {.connect = in.bound()[0], .socket = small}};
    REQUIRE(out.wait_ready(1, soon) == status::ok);
    std::uint64_t sent = 0;
    while (out.send({sent, std::string(1000, 'x')}, 200ms) == status::ok) ++sent;
    CHECK(sent > 100);
    record got;
    for (std::uint64_t i = 0; i < sent; ++i) {
        REQUIRE(in.receive(got, soon) == status::ok);
        REQUIRE(got.number == i);
    }
    CHECK(out.send({sent, "on"}, soon) == status::ok);
    REQUIRE(in.receive(got, soon) == status::ok);
    CHECK(got.text == "on");
}

TEST_CASE("a frame of another type is counted by reason, and the next one is taken") {
    leat::context ctx;
    leat::puller<record> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<bytes> raw{ctx, to(in.bound()[0])};
    leat::pusher<record> out{ctx, to(in.bound()[0])};
    REQUIRE(raw.send(bytes{"\xc1"}, soon) == status::ok);
    REQUIRE(raw.send(bytes{""}, soon) == status::ok);
    REQUIRE(raw.send(bytes{"\x92"}, soon) == status::ok);
    REQUIRE(raw.flush(soon) == status::ok);
    REQUIRE(out.send({7, "good"}, soon) == status::ok);
    auto got = in.receive(soon);
    REQUIRE(got);
    CHECK(got->text == "good");
    while (in.counts().dropped(leat::drop_reason::undecodable) < 3)
        REQUIRE(in.receive(1ms).why() == status::timeout);
    CHECK(in.counts().decode_errors[static_cast<std::size_t>(leat::decode_error::malformed)].value() == 1);
    CHECK(in.counts().decode_errors[static_cast<std::size_t>(leat::decode_error::truncated)].value() == 2);
}

TEST_CASE("receive_many takes what is there, up to its limit") {
    leat::context ctx;
    leat::puller<record> in{ctx, {.bind = "inproc://many"}};
    leat::pusher<record> out{ctx, {.connect = "inproc://many"}};
    for (std::uint64_t i = 0; i < 10; ++i) REQUIRE(out.send({i, "x"}, soon) == status::ok);
    std::vector<record> got;
    CHECK(in.receive_many(got, 4, soon) == 4);
    CHECK(in.receive_many(got, 100, soon) == 6);
    CHECK(got.size() == 10);
    CHECK(got.back().number == 9);
    status why{};
    CHECK(in.receive_many(got, 1, 1ms, &why) == 0);
    CHECK(why == status::timeout);
}

TEST_CASE("a range-for over a puller ends when its token stops") {
    leat::context ctx;
    std::stop_source stop;
    leat::puller<record> in{ctx, {.bind = "inproc://range", .stop = stop.get_token()}};
    leat::pusher<record> out{ctx, {.connect = "inproc://range"}};
    for (std::uint64_t i = 0; i < 10; ++i) REQUIRE(out.send({i, "x"}, soon) == status::ok);
    std::uint64_t sum = 0;
    for (const auto& one : in) {
        sum += one.number;
        if (one.number == 9) stop.request_stop();
    }
    CHECK(sum == 45);
}

TEST_CASE("a puller that closes says how many messages it had not read") {
    leat::context ctx;
    leat::puller<record> in{ctx, {.bind = "inproc://unread"}};
    leat::pusher<record> out{ctx, {.connect = "inproc://unread", .batch = {.bytes = 64}}};
    for (std::uint64_t i = 0; i < 10; ++i) REQUIRE(out.send({i, std::string(100, 'x')}, soon) == status::ok);
    REQUIRE(in.receive(soon));
    CHECK(in.close() == 9);
    CHECK(in.counts().dropped(leat::drop_reason::shutdown) == 9);
}

TEST_CASE("wait_ready waits for so many peers") {
    leat::context ctx;
    leat::pusher<record> out{ctx, {.bind = "tcp://127.0.0.1:*"}};
    CHECK(out.wait_ready(1, 10ms) == status::timeout);
    leat::puller<record> one{ctx, {.connect = out.bound()[0]}};
    CHECK(out.wait_ready(1, soon) == status::ok);
    CHECK(out.wait_ready(2, 10ms) == status::timeout);
    leat::puller<record> two{ctx, {.connect = out.bound()[0]}};
    CHECK(out.wait_ready(2, soon) == status::ok);
    CHECK(two.wait_ready(1, soon) == status::ok);
}

TEST_CASE("misuse of a pusher or puller is refused") {
    leat::context ctx;
    using leat::errc;
    CHECK_THROWS_LEAT((leat::pusher<record>{ctx, {}}), errc::bad_option, "at least one endpoint");
    CHECK_THROWS_LEAT((leat::puller<record>{ctx, {}}), errc::bad_option, "at least one endpoint");
    CHECK_THROWS_LEAT((leat::pusher<bytes>{ctx, {.connect = "inproc://x", .batch = {.bytes = 100}}}),
                      errc::bad_option, "cannot be batched");
    CHECK_THROWS_LEAT((leat::pusher<record>{ctx, {.connect = "inproc://x", .batch = {.bytes = 1u << 30}}}),
                      errc::bad_option, "a quarter of send_bytes");
    CHECK_THROWS_LEAT(
        (leat::pusher<record>{ctx, {.connect = "inproc://x", .batch = {.bytes = 100, .delay = 0us}}}),
        errc::bad_option, "batch.delay is 0 us");
    CHECK_THROWS_LEAT((leat::puller<record>{ctx, {.bind = "tcp://*:*"}}), errc::insecure_bind,
                      "could reach it");
}

TEST_CASE("a stage maps, filters and expands") {
    leat::context ctx;
    const auto run = [&](const std::string& name, auto function) {
        std::stop_source stop;
        leat::pusher<record> source{ctx, {.bind = "inproc://" + name + "-in"}};
        leat::puller<record> sink{ctx, {.bind = "inproc://" + name + "-out"}};
        leat::stage<record, record> middle{
            ctx,
            {.in = {.connect = "inproc://" + name + "-in"}, .out = {.connect = "inproc://" + name + "-out"}},
            function};
        auto report = std::async(std::launch::async, [&] { return middle.run(stop.get_token()); });
        for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(source.send({i, "x"}, soon) == status::ok);
        REQUIRE(source.send({99, "end"}, soon) == status::ok);
        std::vector<std::uint64_t> numbers;
        for (;;) {
            auto got = sink.receive(soon);
            REQUIRE(got);
            if (got->text == "end") break;
            numbers.push_back(got->number);
        }
        stop.request_stop();
        CHECK(report.get().taken == 5);
        return numbers;
    };
    using list = std::vector<std::uint64_t>;
    CHECK(run("map", [](record& r) { return record{r.number * 10, r.text}; }) == list{0, 10, 20, 30});
    CHECK(run("filter", [](record& r) { return r.number % 2 == 1 ? std::optional{r} : std::nullopt; }) ==
          list{1, 3});
    CHECK(run("expand", [](record& r) {
              return r.text == "end" ? std::vector{r} : std::vector<record>(r.number, r);
          }) == list{1, 2, 2, 3, 3, 3});
}

TEST_CASE("a stage with several workers loses and repeats nothing") {
    leat::context ctx;
    std::stop_source stop;
    leat::puller<record> sink{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::stage<record, record> middle{
        ctx, {.in = {.bind = "tcp://127.0.0.1:*"}, .out = to(sink.bound()[0]), .workers = 4}, [](record& r) {
            return r;
        }};
    auto report = std::async(std::launch::async, [&] { return middle.run(stop.get_token()); });
    leat::pusher<record> source{ctx, to(middle.bound_in()[0], {.bytes = 500})};
    constexpr std::uint64_t count = 20000;
    auto sending = std::async(std::launch::async, [&] {
        source.hand_over();
        for (std::uint64_t i = 0; i < count; ++i) {
            if (source.send({i, "x"}, soon) != status::ok) return false;
        }
        return source.flush(soon) == status::ok;
    });
    std::vector<int> seen(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        auto got = sink.receive(soon);
        REQUIRE(got);
        ++seen[got->number];
    }
    CHECK(sending.get());
    CHECK(std::count(seen.begin(), seen.end(), 1) == count);
    stop.request_stop();
    const auto done = report.get();
    CHECK(done.taken == count);
    CHECK(done.sent == count);
    CHECK(done.unsent == 0);
}

TEST_CASE("a stage counts frames that are not what it takes, and goes on") {
    leat::context ctx;
    std::stop_source stop;
    leat::pusher<leat::bytes> source{ctx, {.bind = "inproc://odd-in"}};
    leat::puller<record> sink{ctx, {.bind = "inproc://odd-out"}};
    leat::stage<record, record> middle{
        ctx, {.in = {.connect = "inproc://odd-in"}, .out = {.connect = "inproc://odd-out"}}, [](record& r) {
            return r;
        }};
    auto report = std::async(std::launch::async, [&] { return middle.run(stop.get_token()); });
    leat::buffer good;
    leat::encode(record{1, "x"}, good);
    for (const std::string_view odd : {std::string_view{"\xc1", 1}, std::string_view{""}})
        REQUIRE(source.send(leat::bytes{odd}, soon) == status::ok);
    REQUIRE(source.send(leat::bytes{good.view()}, soon) == status::ok);
    REQUIRE(sink.receive(soon));
    stop.request_stop();
    const auto done = report.get();
    CHECK(done.undecodable == 2);
    CHECK(done.taken == 1);
}

TEST_CASE("an exception of a stage's function ends it and comes out of run") {
    leat::context ctx;
    leat::pusher<record> source{ctx, {.bind = "inproc://throws-in"}};
    leat::puller<record> sink{ctx, {.bind = "inproc://throws-out"}};
    leat::stage<record, record> middle{
        ctx,
        {.in = {.connect = "inproc://throws-in"}, .out = {.connect = "inproc://throws-out"}, .workers = 3},
        [](record&) -> record { throw std::runtime_error{"no"}; }};
    REQUIRE(source.send({1, "x"}, soon) == status::ok);
    CHECK_THROWS_AS(middle.run({}), std::runtime_error);
}

TEST_CASE(
    "a stage that is stopped while nobody takes its results ends within its drain time and says what was "
    "left") {
    leat::context ctx;
    std::stop_source stop;
    leat::pusher<record> source{ctx, {.bind = "inproc://left-in"}};
    leat::stage<record, record> middle{
        ctx,
        {.in = {.connect = "inproc://left-in"}, .out = {.bind = "tcp://127.0.0.1:*"}, .drain = 50ms},
        [&](record& r) {
            stop.request_stop();
            return r;
        }};
    REQUIRE(source.send({1, "x"}, soon) == status::ok);
    const auto done = middle.run(stop.get_token());
    CHECK(done.taken == 1);
    CHECK(done.unsent == 1);
}

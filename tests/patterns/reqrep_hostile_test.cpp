#include "reqrep_support.hpp"

#include <random>

using leat::bytes;
using leat::message;
using leat::refusal;
using leat::role;
using leat::status;
using leat::detail::call_header;
using leat::detail::call_kind;
using support::connected;

namespace {

void send(leat::socket& to, std::vector<std::string> frames) {
    leat::socket::parts all;
    for (const auto& one : frames) all.emplace_back(std::string_view{one});
    REQUIRE(to.send(all, patience) == status::ok);
}

std::string text_of(const message& m) {
    return std::string{m.text()};
}

/// Frames of random bytes, and headers with some bytes changed.
std::vector<std::string> garbage(std::mt19937& random) {
    std::vector<std::string> frames(1 + random() % 6);
    for (auto& one : frames) {
        if (random() % 3 == 0) {
            one = text_of(frame_of(header_of(static_cast<call_kind>(random() % 12),
                                             static_cast<std::uint32_t>(random()), random(), "method")));
            for (unsigned i = random() % 4; i > 0; --i)
                one[random() % one.size()] = static_cast<char>(random());
            if (random() % 4 == 0) one.resize(random() % (one.size() + 1));
        } else if (random() % 3 != 0) {
            one.resize(random() % 40);
            for (auto& c : one) c = static_cast<char>(random());
        }
    }
    return frames;
}

}  // namespace

TEST_CASE("a header holds what was written, and nothing else is one") {
    leat::buffer scratch;
    call_header header;
    header.kind = 1;
    header.session = 77;
    header.call = 1ull << 40;
    header.remaining_ms = 1500;
    header.heartbeat_ms = 1000;
    header.sent_ms = 0xffff'fff0;
    header.method = "add";
    const auto frame = leat::detail::write_header(header, scratch);
    call_header read;
    REQUIRE(leat::detail::read_header(frame, read));
    CHECK(read.session == 77);
    CHECK(read.call == 1ull << 40);
    CHECK(read.remaining_ms == 1500);
    CHECK(read.heartbeat_ms == 1000);
    CHECK(read.sent_ms == 0xffff'fff0);
    CHECK(read.method == "add");
    for (std::size_t size = 0; size < frame.size(); ++size)
        CHECK_FALSE(leat::detail::read_header(message{frame.view().first(size)}, read));
    CHECK_FALSE(leat::detail::read_header(message{"\x98\xa3lr2\x01\x01\x01\x01\x01\x01\xa0"}, read));
    header.method = std::string_view{};
    CHECK(leat::detail::write_header(header, scratch).size() <= 33);  // libzmq allocates nothing for it
}

TEST_CASE("a replier survives frames of any kind, and goes on answering") {
    leat::context ctx;
    replier<int, int> serves{
        ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 8}, [](const int& n) { return n; }};
    auto peer = connected(ctx, role::dealer, serves.bound()[0]);
    std::mt19937 random{1};
    for (int i = 0; i < 5000; ++i) send(peer, garbage(random));
    send(peer, {text_of(frame_of(header_of(call_kind::reply, 1, 1))), "", "x"});
    send(peer, std::vector<std::string>(100, "frame"));
    send(peer, {text_of(frame_of(header_of(call_kind::request, 1, 1, std::string(255, 'm')))), "",
                std::string(100'000, '\xdd')});
    requester<int, int> asks{ctx, {.connect = serves.bound()}};
    // Requests among the garbage may still fill it.
    const auto answered = asks.call(1, patience, {.retry = {.attempts = 100, .overloaded = true}});
    REQUIRE_MESSAGE(answered, describe(answered));
    CHECK(*answered == 1);
    CHECK(serves.counts().malformed.value() > 0);
    CHECK(comes_true([&] { return serves.open_requests() == 0; }));
}

TEST_CASE("a request that is not of the handler's type is refused and not handled") {
    leat::context ctx;
    replier<int, int> serves{ctx, {.bind = "tcp://127.0.0.1:*"}, [](const int& n) { return n; }};
    requester<std::string, int> asks{ctx, {.connect = serves.bound()}};
    const auto refused = asks.call("text", patience);
    CHECK(refused.failure().is(leat::reply_code::bad_request));
    CHECK(refused.failure().text.find("wrong type") != std::string::npos);
    requester<int, std::string> expects{ctx, {.connect = serves.bound()}};
    CHECK(expects.call(1, patience).failure().is(leat::reply_code::bad_answer));
}

TEST_CASE("nobody but its caller can cancel a request") {
    leat::context ctx;
    std::promise<leat::responder<int>> kept;
    replier<int, int> serves{ctx, {.bind = "tcp://127.0.0.1:*"}, [&](const int&, leat::responder<int> to) {
                                 kept.set_value(std::move(to));
                             }};
    auto victim = connected(ctx, role::dealer, serves.bound()[0]);
    send(victim, {text_of(frame_of(header_of(call_kind::request, 9, 9))), "", "\x01"});
    auto open = kept.get_future().get();
    auto attacker = connected(ctx, role::dealer, serves.bound()[0]);
    send(attacker, {text_of(frame_of(header_of(call_kind::cancel, 9, 9))), "", ""});
    send(attacker, {text_of(frame_of(header_of(call_kind::ping, 9, 9))), "", ""});
    leat::socket::parts pong;
    REQUIRE(attacker.receive(pong, patience) == status::ok);
    CHECK_FALSE(open.cancelled());
    CHECK(open.reply(1));
}

TEST_CASE("a requester survives what a server sends: garbage, late, repeated and foreign answers") {
    leat::context ctx;
    leat::socket server{ctx, role::router};
    const auto at = server.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    requester<bytes, bytes> asks{ctx, {.connect = at, .heartbeat = 60s}};  // it gives no sign of life
    auto end = asks.async(bytes{"question"}, patience);
    leat::socket::parts request;
    REQUIRE(server.receive(request, patience) == status::ok);
    REQUIRE(request.size() == 4);
    call_header header;
    REQUIRE(leat::detail::read_header(request[1], header));
    const auto id = text_of(request[0]);
    std::mt19937 random{2};
    for (int i = 0; i < 5000; ++i) {
        auto frames = garbage(random);
        frames.insert(frames.begin(), id);
        send(server, std::move(frames));
    }
    send(server, {id, text_of(frame_of(header_of(call_kind::reply, header.session + 1, header.call))), "",
                  "foreign"});
    send(server, {id, text_of(frame_of(header_of(call_kind::reply, header.session, header.call + 1))), "",
                  "of another try"});
    send(server, {id, text_of(frame_of(header_of(call_kind::reply, header.session, header.call + 0x100))), "",
                  "of another"});
    send(server, {id, text_of(frame_of(header_of(call_kind::hello, header.session, 0))), "", ""});
    send(server,
         {id, text_of(frame_of(header_of(call_kind::reply, header.session, header.call))), "", "answer"});
    send(server,
         {id, text_of(frame_of(header_of(call_kind::reply, header.session, header.call))), "", "again"});
    const auto answered = end.get();
    REQUIRE_MESSAGE(answered, describe(answered));
    CHECK(answered->text() == "answer");
    auto second = asks.async(bytes{"question"}, patience);
    REQUIRE(server.receive(request, patience) == status::ok);
    REQUIRE(leat::detail::read_header(request[1], header));
    send(server,
         {id, text_of(frame_of(header_of(call_kind::error, header.session, header.call))), "", "\xc1"});
    CHECK(second.get().failure().is(leat::reply_code::bad_answer));
    CHECK(asks.counts().drops(refusal::late) >= 3);
    CHECK(asks.counts().drops(refusal::foreign) >= 1);
    CHECK(asks.counts().drops(refusal::malformed) > 0);
    CHECK(asks.counts().drops(refusal::bad_header) > 0);
    CHECK(asks.counts().drops(refusal::bad_body) >= 1);
}

TEST_CASE("a bound requester survives what connects to it, and only the server that was asked can answer") {
    leat::context ctx;
    requester<bytes, bytes> asks{ctx, {.bind = "tcp://127.0.0.1:*", .heartbeat = 60s}};
    auto server = connected(ctx, role::dealer, asks.bound()[0]);
    auto attacker = connected(ctx, role::dealer, asks.bound()[0]);
    std::mt19937 random{3};
    for (int i = 0; i < 2000; ++i) {
        auto frames = garbage(random);
        call_header by_chance;
        const bool says_hello = leat::detail::read_header(leat::message{frames.front()}, by_chance) &&
                                by_chance.what() == call_kind::hello;
        if (!says_hello) send(attacker, std::move(frames));  // else it would rightly be asked
    }
    send(server, {text_of(frame_of(header_of(call_kind::hello, 0, 0))), "", ""});
    REQUIRE(asks.wait_ready(1, patience) == status::ok);
    auto end = asks.async(bytes{"question"}, patience);
    leat::socket::parts request;
    call_header header;
    REQUIRE(server.receive(request, patience) == status::ok);
    REQUIRE(leat::detail::read_header(request[0], header));
    send(attacker,
         {text_of(frame_of(header_of(call_kind::reply, header.session, header.call))), "", "forged"});
    REQUIRE(comes_true([&] { return asks.counts().drops(refusal::foreign) > 0; }));
    send(server, {text_of(frame_of(header_of(call_kind::reply, header.session, header.call))), "", "answer"});
    const auto answered = end.get();
    REQUIRE_MESSAGE(answered, describe(answered));
    CHECK(answered->text() == "answer");
}

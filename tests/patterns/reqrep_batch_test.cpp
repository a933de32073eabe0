#include "reqrep_support.hpp"

#include <leat/reqrep/detail/call_batch.hpp>

#include <algorithm>
#include <random>

using leat::bytes;
using leat::message;
using leat::role;
using leat::status;
using leat::detail::call_batch;
using leat::detail::call_header;
using leat::detail::call_kind;
using support::connected;

namespace {

struct part {
    call_header header;
    std::string body;
};

/// The parts of a message of one part or of many, whose header is at `at`.
std::vector<part> parts_of(leat::socket::parts& frames, std::size_t at) {
    std::vector<part> all;
    call_header header;
    REQUIRE(frames.size() == at + 3);
    REQUIRE(leat::detail::read_header(frames[at], header));
    if (header.what() != call_kind::batch) {
        all.push_back({header, std::string{frames[at + 2].text()}});
    } else {
        REQUIRE(call_batch::each(frames[at + 2], [&](const call_header& one, message&& body) {
            all.push_back({one, std::string{body.text()}});
            return true;
        }));
    }
    // What they refer to goes with the frame.
    for (auto& one : all) {
        one.header.magic = call_header::protocol;
        one.header.method = {};
    }
    return all;
}

/// A server that speaks the protocol by hand, to one requester.
class by_hand {
public:
    explicit by_hand(leat::context& ctx, leat::socket_options options = {})
        : router_(ctx, role::router, std::move(options)),
          at_(router_.bind(leat::endpoint{"tcp://127.0.0.1:*"}).str()) {}

    [[nodiscard]] const std::string& at() const { return at_; }

    std::vector<part> receive() {
        leat::socket::parts frames;
        REQUIRE(router_.receive(frames, patience) == status::ok);
        id_ = std::string{frames[0].text()};
        return parts_of(frames, 1);
    }

    /// Answers with the requests' bodies, in one message.
    void answer(const std::vector<part>& requests, bool takes_batches = true) {
        call_batch batch;
        for (const auto& one : requests) {
            call_header header = one.header;
            header.kind = static_cast<std::uint8_t>(call_kind::reply);
            header.remaining_ms = 0;
            if (takes_batches) header.set_takes_batches();
            batch.add(header, message{std::string_view{one.body}});
        }
        leat::socket::parts out;
        out.emplace_back(std::string_view{id_});
        out.push_back(frame_of(header_of(call_kind::batch, 0, 0)));
        out.emplace_back();
        out.push_back(batch.take());
        REQUIRE(router_.send(out, patience) == status::ok);
    }

private:
    leat::socket router_;
    std::string at_;
    std::string id_;
};

void send_batch(leat::socket& to, const std::vector<part>& all) {
    call_batch batch;
    for (const auto& one : all) batch.add(one.header, message{std::string_view{one.body}});
    leat::socket::parts out;
    out.push_back(frame_of(header_of(call_kind::batch, 0, 0)));
    out.emplace_back();
    out.push_back(batch.take());
    REQUIRE(to.send(out, patience) == status::ok);
}

}  // namespace

TEST_CASE("a batch holds what was added, and nothing else is one") {
    call_batch batch;
    CHECK(batch.empty());
    auto request = header_of(call_kind::request, 7, 5);
    request.method = "add";
    batch.add(request, message{"first"});
    batch.add(header_of(call_kind::reply, 7, 6), message{});
    CHECK(batch.size() == 2);
    const auto body = batch.take();
    CHECK(batch.empty());
    std::vector<part> read;
    std::string method;
    const auto keep = [&](const call_header& one, message&& of) {
        if (read.empty()) method = one.method;
        read.push_back({one, std::string{of.text()}});
        return true;
    };
    REQUIRE(call_batch::each(body, keep));
    REQUIRE(read.size() == 2);
    CHECK(method == "add");
    CHECK(read[0].body == "first");
    CHECK(read[0].header.call == 5);
    CHECK(read[1].header.what() == call_kind::reply);
    CHECK(read[1].body.empty());

    batch.add(request, message{"first"});
    const auto first = batch.take().size();
    for (std::size_t size = 1; size < body.size(); ++size) {
        read.clear();
        CHECK(call_batch::each(message{body.view().first(size)}, keep) == (size == first));
        CHECK(read.size() == (size < first ? 0 : 1));
    }
    while (batch.size() < 256) batch.add(header_of(call_kind::reply, 7, 1), message{});
    CHECK(call_batch::each(batch.take(), [](auto&&...) { return true; }));
    while (batch.size() < 257) batch.add(header_of(call_kind::reply, 7, 1), message{});
    CHECK_FALSE(call_batch::each(batch.take(), [](auto&&...) { return true; }));
    const message too_long{std::string_view{std::string(65 * 1024, '\x90')}};
    CHECK_FALSE(call_batch::each(too_long, [](auto&&...) { return true; }));
}

TEST_CASE("calls that completions make go together to a server that takes that") {
    leat::context ctx;
    by_hand server{ctx};
    requester<bytes, bytes> asks{ctx, {.connect = server.at()}};
    const std::string large(call_batch::largest_body + 1, 'l');
    std::atomic<int> ended = 0;
    int asked = 0;
    std::function<void()> ask_some;
    const auto ask = [&](const std::string& text) {
        asks.async(bytes{std::string_view{text}}, patience, {}, [&, text](answer<bytes>&& a) {
            if (a && a->text() == text) ++ended;
            if (text == "last") ask_some();
        });
    };
    const std::vector<std::string> texts{"1", "2", large, "4", "last"};
    ask_some = [&] {
        if (++asked <= 2) std::for_each(texts.begin(), texts.end(), ask);
    };
    ask("last");
    server.answer(server.receive(), false);
    std::vector<part> got;
    for (const auto& text : texts) {
        const auto one = server.receive();
        REQUIRE(one.size() == 1);
        CHECK(one[0].body == text);
        got.push_back(one[0]);
    }
    server.answer(got);
    const auto before = server.receive(), alone = server.receive(), after = server.receive();
    REQUIRE(before.size() == 2);
    CHECK(before[0].body == "1");
    CHECK(before[1].body == "2");
    REQUIRE(alone.size() == 1);
    CHECK(alone[0].body == large);
    REQUIRE(after.size() == 2);
    CHECK(after[1].body == "last");
    server.answer(before);
    server.answer(alone);
    server.answer(after);
    CHECK(comes_true([&] { return ended == 11; }));
    CHECK(asks.in_flight() == 0);
    CHECK(asks.counts().of(call_status::answered) == 11);
}

TEST_CASE("a call that is cancelled while it waits for others to go with is cancelled at the server") {
    leat::context ctx;
    by_hand server{ctx};
    requester<bytes, bytes> asks{ctx, {.connect = server.at()}};
    std::promise<call_status> end;
    asks.async(bytes{"first"}, patience, {}, [&](answer<bytes>&&) {
        const auto id =
            asks.async(bytes{"second"}, patience, {}, [&](answer<bytes>&& a) { end.set_value(a.why()); });
        CHECK(asks.cancel(id));
    });
    server.answer(server.receive());
    // The answer that lets it send batches has come, so the second went by that way, alone as it was.
    const auto request = server.receive(), cancel = server.receive();
    REQUIRE(request.size() == 1);
    REQUIRE(cancel.size() == 1);
    CHECK(request[0].body == "second");
    CHECK(cancel[0].header.what() == call_kind::cancel);
    CHECK(cancel[0].header.call == request[0].header.call);
    CHECK(end.get_future().get() == call_status::cancelled);
}

TEST_CASE("calls that waited for others and then found no room are each asked once, later") {
    constexpr int fillers = 40;
    const std::string filler(std::size_t{1} << 20, 'f');
    leat::context ctx;
    by_hand server{ctx, {.receive_frames = 2}};
    requester<bytes, bytes> asks{ctx,
                                 {.connect = server.at(), .heartbeat = 0ms, .socket = {.send_frames = 4}}};
    std::atomic<int> ended = 0;
    const auto count = [&](answer<bytes>&& a) { ended += a ? 1 : 0; };
    asks.async(bytes{"first"}, patience, {}, [&](answer<bytes>&& a) {
        asks.async(bytes{"one"}, patience, {}, count);
        asks.async(bytes{"two"}, patience, {}, count);
        count(std::move(a));
    });
    const auto first = server.receive();
    for (int i = 0; i < fillers; ++i) asks.async(bytes{std::string_view{filler}}, patience, {}, count);
    server.answer(first);
    REQUIRE(comes_true([&] { return ended == 1; }));
    std::map<std::string, int> seen;
    for (int left = fillers + 2; left > 0;) {
        for (const auto& one : server.receive()) {
            ++seen[one.body.substr(0, 3)];
            --left;
            part reply = one;
            reply.body = "done";
            server.answer({reply});
        }
    }
    CHECK(seen["one"] == 1);
    CHECK(seen["two"] == 1);
    CHECK(seen["fff"] == fillers);
    CHECK(comes_true([&] { return ended == fillers + 3; }));
    CHECK(asks.counts().retries.value() == 0);
}

TEST_CASE("answers to requests that came together go together, in order") {
    leat::context ctx;
    replier<bytes, bytes> serves{ctx, {.bind = "tcp://127.0.0.1:*"}, [](bytes request) { return request; }};
    auto peer = connected(ctx, role::dealer, serves.bound()[0]);
    std::uint64_t sent = 0, answered = 0;
    // Whether they do depends on how quick the handler was that time.
    const bool together = comes_true([&] {
        std::vector<part> some(20);
        for (auto& one : some) one = {header_of(call_kind::request, 7, ++sent), std::to_string(sent)};
        send_batch(peer, some);
        std::size_t most = 0;
        while (answered < sent) {
            leat::socket::parts frames;
            REQUIRE(peer.receive(frames, patience) == status::ok);
            const auto got = parts_of(frames, 0);
            most = std::max(most, got.size());
            for (const auto& one : got) {
                CHECK(one.header.what() == call_kind::reply);
                CHECK(one.header.takes_batches());
                CHECK(one.header.session == 7);
                CHECK(one.header.call == ++answered);
                CHECK(one.body == std::to_string(answered));
            }
        }
        return most > 1;
    });
    CHECK(together);
    CHECK(serves.counts().answered.value() == answered);
}

TEST_CASE("an answer does not wait for a handler that takes long") {
    leat::context ctx;
    std::promise<void> go_on;
    const auto gate = go_on.get_future().share();
    replier<bytes, bytes> serves{ctx, {.bind = "tcp://127.0.0.1:*"}, [&](bytes request) {
                                     if (request.text() == "slow") gate.wait();
                                     return request;
                                 }};
    auto peer = connected(ctx, role::dealer, serves.bound()[0]);
    const auto receive = [&] {
        leat::socket::parts frames;
        REQUIRE(peer.receive(frames, patience) == status::ok);
        return parts_of(frames, 0).back().body;
    };
    send_batch(peer, {{header_of(call_kind::request, 7, 1), "quick"},
                      {header_of(call_kind::request, 7, 2), "slow"}});
    CHECK(receive() == "quick");
    go_on.set_value();
    CHECK(receive() == "slow");
}

TEST_CASE("a handler keeps the answers of several peers, and errors, apart") {
    constexpr int peers = 3, rounds = 50;
    leat::context ctx;
    replier<int, int> serves{ctx, {.bind = "tcp://127.0.0.1:*", .workers = 2}, [](const int& n) {
                                 if (n % 3 == 0) throw leat::reply_error{n, "by three"};
                                 return n + 1;
                             }};
    std::atomic<int> right = 0;
    std::vector<std::unique_ptr<requester<int, int>>> all;
    std::function<void(int, int)> ask = [&](int who, int n) {
        all[static_cast<std::size_t>(who)]->async(n, patience, {}, [&, who, n](answer<int>&& a) {
            const bool good =
                n % 3 == 0 ? a.why() == call_status::failed && a.failure().code == n : a && *a == n + 1;
            if (good) ++right;
            // Each asks two more, so that completions run together.
            if (n < rounds * 100) ask(who, n + 100);
        });
    };
    for (int who = 0; who < peers; ++who)
        all.push_back(
            std::make_unique<requester<int, int>>(ctx, leat::request_options{.connect = serves.bound()}));
    for (int who = 0; who < peers; ++who)
        for (int n = 0; n < 100; ++n) ask(who, n);
    CHECK(comes_true([&] { return right == peers * 100 * (rounds + 1); }));
}

TEST_CASE("through a relay there are no batches, and one that comes is refused") {
    leat::context ctx;
    support::running_relay relay{ctx,
                                 {.kind = leat::relay_kind::reqrep,
                                  .in = {.bind = "tcp://127.0.0.1:*"},
                                  .out = {.bind = "tcp://127.0.0.1:*"}}};
    replier<bytes, bytes> serves{
        ctx, {.connect = relay->out_endpoints()[0]}, [](bytes request) { return request; }};
    auto peer = connected(ctx, role::dealer, relay->in_endpoints()[0]);
    leat::socket::parts request, reply;
    request.push_back(frame_of(header_of(call_kind::request, 7, 1)));
    request.emplace_back();
    request.emplace_back("x");
    REQUIRE(peer.send(request, patience) == status::ok);
    REQUIRE(peer.receive(reply, patience) == status::ok);
    CHECK_FALSE(parts_of(reply, 0)[0].header.takes_batches());
    send_batch(peer,
               {{header_of(call_kind::request, 7, 2), "x"}, {header_of(call_kind::request, 7, 3), "x"}});
    CHECK(comes_true([&] { return serves.counts().malformed.value() == 1; }));
    CHECK(serves.counts().requests.value() == 1);
}

TEST_CASE("a replier that receives small messages only allows no batches") {
    leat::context ctx;
    for (const std::size_t most : {(64u << 10) - 1, 64u << 10}) {
        replier<bytes, bytes> serves{ctx,
                                     {.bind = "tcp://127.0.0.1:*", .socket = {.max_message = most}},
                                     [](bytes request) { return request; }};
        auto peer = connected(ctx, role::dealer, serves.bound()[0]);
        leat::socket::parts request, reply;
        request.push_back(frame_of(header_of(call_kind::request, 7, 1)));
        request.emplace_back();
        request.emplace_back("x");
        REQUIRE(peer.send(request, patience) == status::ok);
        REQUIRE(peer.receive(reply, patience) == status::ok);
        CHECK(parts_of(reply, 0)[0].header.takes_batches() == (most == 64u << 10));
    }
}

TEST_CASE("only requests are taken out of a batch") {
    leat::context ctx;
    replier<bytes, bytes> serves{
        ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 1}, [](bytes request) { return request; }};
    auto peer = connected(ctx, role::dealer, serves.bound()[0]);
    for (const auto kind : {call_kind::batch, call_kind::ping, call_kind::cancel, call_kind::reply})
        send_batch(peer, {{header_of(kind, 7, 1), "x"}});
    CHECK(comes_true([&] { return serves.counts().malformed.value() == 4; }));
    CHECK(serves.counts().requests.value() == 0);
    CHECK(serves.counts().pings.value() == 0);
}

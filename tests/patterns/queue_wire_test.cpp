#include <leat/queue/detail/wire_admin.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>

using leat::decode_error;
using namespace leat::detail::wire;

namespace {

template <class Frame>
leat::buffer written(const Frame& frame) {
    leat::buffer out;
    leat::encode(frame, out);
    return out;
}

template <class Frame>
Frame read_back(const Frame& frame) {
    const auto out = written(frame);
    REQUIRE(command_of(out.view()) == Frame::id);
    Frame back;
    REQUIRE(leat::decode(out.view(), back, header_limits()) == decode_error::none);
    return back;
}

constexpr auto most = std::numeric_limits<std::uint64_t>::max();

put two_puts() {
    put frame;
    frame.at.session = 7;
    frame.at.counter = 1;
    frame.first = 10;
    frame.floor = 9;
    frame.sizes = {3, 4};
    return frame;
}

/// Every command, each with something in it.
template <class Use>
void with_each(Use use) {
    hello h;
    h.as = 1;
    h.queue = "orders";
    h.client = h.process = std::string(16, 'x');
    h.holds = {{1, 2}};
    use(h);
    use(two_puts());
    use(credit{head_of(command::credit), 10, 1000});
    settle s;
    s.groups.resize(1);
    s.groups[0].deliveries = {{1, 5}, {7, 7}};
    use(s);
    use(extend{head_of(command::extend), {{3, 4}}});
    use(ping{});
    use(stat{});
    use(bye{});
    use(need{});
    use(resume{});
    welcome w;
    w.not_stored = {{4, 4, 1, "too large"}};
    use(w);
    use(confirm{head_of(command::confirm), {{1, 4}}, {}, {7}});
    refuse r;
    r.puts = {{1, 2, 6, "full"}};
    use(r);
    use(grant{});
    deliver d;
    d.first = 1;
    d.sizes = {5};
    d.sequences = {99};
    use(d);
    use(settled{});
    use(lost{});
    use(pong{});
    status counts;
    counts.counts["ready"] = 3;
    counts.consumers.resize(1);
    counts.keys = {{"k", 5, 6}};
    use(counts);
    use(error{});
    use(peek{});
    letters l;
    l.which.key = "k";
    l.which.seqs = {7, 9};
    use(l);
    operate o;
    o.what = 1;
    use(o);
    messages m;
    m.all.resize(2);
    use(m);
    dead all;
    all.all.resize(1);
    all.all[0].text = "no use";
    use(all);
    use(done{});
    use(state{});
}

}  // namespace

TEST_CASE("every command is read as it was written, and says which one it is") {
    int commands = 0;
    with_each([&](const auto& frame) {
        const auto back = read_back(frame);
        CHECK(written(back).view().size() == written(frame).view().size());
        CHECK(back.at.what == static_cast<std::uint8_t>(std::remove_cvref_t<decltype(frame)>::id));
        ++commands;
    });
    CHECK(commands == 27);
    const auto back = read_back(two_puts());
    CHECK(back.at.session == 7);
    CHECK(back.first == 10);
    CHECK(back.sizes == std::vector<std::uint32_t>{3, 4});
}

TEST_CASE("the attributes of a message travel as bytes that are not looked into") {
    attributes all;
    all.key = "customer-7";
    all.priority = 9;
    all.headers["traceparent"] = "00-ab";
    const auto packed = written(all);
    auto frame = two_puts();
    frame.special.resize(1);
    frame.special[0].index = 1;
    frame.special[0].head = {reinterpret_cast<const char*>(packed.view().data()),
                             static_cast<std::uint32_t>(packed.size())};
    const auto wire = written(frame);
    put back;
    REQUIRE(leat::decode(wire.view(), back, header_limits()) == decode_error::none);
    REQUIRE(valid(back, 7));
    attributes got;
    const auto& head = back.special[0].head;
    REQUIRE(leat::decode(std::as_bytes(std::span{head.ptr, head.size}), got, header_limits()) ==
            decode_error::none);
    CHECK(got.key == "customer-7");
    CHECK(got.priority == 9);
    CHECK_FALSE(got.ttl);
    CHECK(got.headers.at("traceparent") == "00-ab");
}

TEST_CASE("a frame of a later version is read as far as it is known") {
    leat::buffer out;
    leat::encode(std::tuple{std::tuple{6, 1, 2, 3, "more"}, 55, "and more"}, out);
    CHECK(command_of(out.view()) == command::ping);
    ping frame;
    REQUIRE(leat::decode(out.view(), frame, header_limits()) == decode_error::none);
    CHECK(frame.at.seen == 3);
    CHECK(frame.token == 55);
}

TEST_CASE("what is no frame of the protocol has no command") {
    const auto none = [](std::string_view octets) {
        CHECK_FALSE(command_of(std::as_bytes(std::span{octets})));
    };
    none("");
    none("\x91");
    none("\x91\x94");
    none("hello");
    none("\x90\x91\x01");
    none("\x91\x90\x01");
    none("\x91\x91\xcc\x01");
    none("\xdc\x00\x10\x91");
    CHECK(command_of(std::as_bytes(std::span{std::string_view{"\x91\x91\x63"}})) == static_cast<command>(99));
}

TEST_CASE("ranges ascend, are not empty, and do not overlap") {
    CHECK(valid(ranges{}));
    CHECK(valid(ranges{{1, 1}, {2, 5}, {9, 9}}));
    CHECK_FALSE(valid(ranges{{0, 1}}));
    CHECK_FALSE(valid(ranges{{2, 1}}));
    CHECK_FALSE(valid(ranges{{1, 3}, {3, 4}}));
    CHECK_FALSE(valid(ranges{{5, 6}, {1, 2}}));
    CHECK_FALSE(valid(ranges{{1, most}}));
}

TEST_CASE("a put that does not add up takes nothing") {
    CHECK(valid(two_puts(), 7));
    CHECK_FALSE(valid(two_puts(), 6));
    auto frame = two_puts();
    frame.sizes.clear();
    CHECK_FALSE(valid(frame, 0));
    frame = two_puts();
    frame.first = 0;
    CHECK_FALSE(valid(frame, 7));
    frame = two_puts();
    frame.first = most;
    CHECK_FALSE(valid(frame, 7));
    frame = two_puts();
    frame.floor = 11;
    CHECK_FALSE(valid(frame, 7));
    frame = two_puts();
    frame.special.resize(2);
    frame.special[0].index = 1;
    CHECK_FALSE(valid(frame, 7));  // 1, then 0
    frame.special[0].index = 0;
    frame.special[1].index = 2;
    CHECK_FALSE(valid(frame, 7));  // there are two
    frame.special[1].index = 1;
    CHECK(valid(frame, 7));
    frame.sizes = {std::numeric_limits<std::uint32_t>::max(), 8};
    CHECK_FALSE(valid(frame, 7));  // no wrap-around
}

TEST_CASE("a hello without what it needs is refused") {
    hello good;
    good.as = 2;
    good.queue = "q";
    good.client = good.process = std::string(16, 'c');
    CHECK(valid(good));
    const auto refused = [&](auto change) {
        hello frame = good;
        change(frame);
        CHECK_FALSE(valid(frame));
    };
    refused([](hello& h) { h.as = 0; });
    refused([](hello& h) { h.as = 4; });
    refused([](hello& h) { h.queue.clear(); });
    refused([](hello& h) { h.queue.assign(256, 'q'); });
    refused([](hello& h) { h.client = "short"; });
    refused([](hello& h) { h.process = "short"; });
    refused([](hello& h) { h.floor = 0; });
    refused([](hello& h) { h.least = 2; });
    refused([](hello& h) { h.holds = {{2, 1}}; });
    refused([](hello& h) { h.outcomes.resize(1), h.outcomes[0].outcome = 9; });
}

TEST_CASE("mutated frames never do more than be refused") {
    std::mt19937 random{20261121};
    std::vector<leat::buffer> frames;
    with_each([&](const auto& frame) { frames.push_back(written(frame)); });
    int read = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto& from = frames[random() % frames.size()].view();
        std::vector<std::byte> octets{from.begin(), from.end()};
        for (auto changes = 1 + random() % 3; changes > 0; --changes)
            octets[random() % octets.size()] = static_cast<std::byte>(random());
        octets.resize(1 + random() % octets.size());
        static_cast<void>(command_of(octets));
        hello h;
        if (leat::decode(octets, h, header_limits()) == decode_error::none) read += valid(h) ? 1 : 0;
        put p;
        if (leat::decode(octets, p, header_limits()) == decode_error::none) read += valid(p, 7) ? 1 : 0;
        settle s;
        if (leat::decode(octets, s, header_limits()) == decode_error::none) read += valid(s.groups) ? 1 : 0;
    }
    CHECK(read > 0);
}

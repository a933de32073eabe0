#include "codec_support.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using leat::decode_error;

TEST_CASE("fields added at the end of an array keep their defaults, and extra ones are stepped over") {
    const auto narrow = encoded(order{1, 2, 3, "four"});
    CHECK(decoded<order_wider>(narrow) == order_wider{1, 2, 3, "four", {"new"}});
    const auto wider = encoded(order_wider{1, 2, 3, "four", {"a", "b"}});
    CHECK(decoded<order>(wider) == order{1, 2, 3, "four"});
    CHECK(decoded<order>(frame_of({0x90})) == order{});
    CHECK(decoded<order>(frame_of({0x91, 1})) == order{1, -7, 0.5, "unnamed"});
}

TEST_CASE("fields added anywhere in a map keep their defaults, and unknown ones are stepped over") {
    const auto narrow = encoded(order_map{1, 2, 3, "four"});
    CHECK(decoded<order_map_wider>(narrow) == order_map_wider{1, 1, 2, {"new"}, 3, "four", 3});
    const auto wider = encoded(order_map_wider{9, 1, 2, {"a"}, 3, "four", std::nullopt});
    CHECK(decoded<order_map>(wider) == order_map{1, 2, 3, "four"});
    CHECK(decoded<order_map>(frame_of({0x80})) == order_map{});
}

TEST_CASE("map keys may come in any order") {
    const auto frame = encoded(order_map_reversed{1, 2, 3, "four"});
    CHECK(decoded<order_map>(frame) == order_map{1, 2, 3, "four"});
    // {"id": 1, "price": 2, "delta": 3, "name": "n"}: the first keys are where they are expected.
    const auto late = frame_of({0x84, 0xa2, 'i', 'd', 1,   0xa5, 'p',  'r', 'i', 'c', 'e', 2,    0xa5,
                                'd',  'e',  'l', 't', 'a', 3,    0xa4, 'n', 'a', 'm', 'e', 0xa1, 'n'});
    CHECK(decoded<order_map>(late) == order_map{1, 3, 2, "n"});
}

TEST_CASE("map keys may be written in a longer form than needed") {
    const auto frame = frame_of({0x81, 0xd9, 2, 'i', 'd', 1});
    CHECK(decoded<order_map>(frame) == order_map{1, -7, 0.5, "unnamed"});
}

TEST_CASE("the last of equal map keys counts") {
    CHECK(decoded<order_map>(frame_of({0x82, 0xa2, 'i', 'd', 1, 0xa2, 'i', 'd', 2})).id == 2);
    CHECK(decoded<std::map<int, int>>(frame_of({0x82, 1, 2, 1, 3})) == std::map<int, int>{{1, 3}});
    // As many pairs as fields, so that only the keys tell.
    const auto full = frame_of({0x84, 0xa2, 'i', 'd', 1,   0xa5, 'd', 'e',  'l', 't', 'a', 3,
                                0xa5, 'd',  'e', 'l', 't', 'a',  4,   0xa2, 'i', 'd', 5});
    CHECK(decoded<order_map>(full) == order_map{5, 4, 0.5, "unnamed"});
}

TEST_CASE("keys that are not strings are stepped over") {
    const auto frame = frame_of({0x84, 1, 2, 0x92, 1, 2, 3, 0xa0, 4, 0xa2, 'i', 'd', 5});
    CHECK(decoded<order_map>(frame) == order_map{5, -7, 0.5, "unnamed"});
}

namespace {

struct leaf {
    int a = 1;
    int b = 2;
    bool operator==(const leaf&) const = default;
    MSGPACK_DEFINE_MAP(a, b)
};
struct branch {
    leaf first{10, 20};
    std::vector<leaf> leaves = {{5, 6}};
    std::optional<leaf> maybe;
    std::array<int, 3> three = {7, 8, 9};
    std::tuple<int, int> two = {1, 2};
    std::map<std::string, leaf> named;
    bool operator==(const branch&) const = default;
    MSGPACK_DEFINE(first, leaves, maybe, three, two, named)
};

}  // namespace

TEST_CASE("what an earlier object left behind never shows in a later one") {
    leat::buffer frame;
    const branch full{{1, 1}, {{2, 2}, {3, 3}, {4, 4}}, leaf{5, 5}, {6, 6, 6}, {7, 7}, {{"x", {8, 8}}}};
    leat::encode(full, frame);
    // [{"b": 3}, [{"a": 9}, {}], {"b": 4}, [1], [5], {"y": {}}]
    const auto sparse = frame_of({0x96, 0x81, 0xa1, 'b',  3, 0x92, 0x81, 0xa1, 'a',  9,   0x80, 0x81,
                                  0xa1, 'b',  4,    0x91, 1, 0x91, 5,    0x81, 0xa1, 'y', 0x80});
    frame.write(reinterpret_cast<const char*>(sparse.data()), sparse.size());
    leat::encode(full, frame);
    frame.write("\x90", 1);

    leat::decoder<branch> objects{frame.view()};
    branch out;
    REQUIRE(objects.next(out));
    CHECK(out == full);
    REQUIRE(objects.next(out));
    CHECK(out == branch{{10, 3}, {{9, 2}, {1, 2}}, leaf{1, 4}, {1, 8, 9}, {5, 2}, {{"y", {1, 2}}}});
    REQUIRE(objects.next(out));
    CHECK(out == full);
    REQUIRE(objects.next(out));
    CHECK(out == branch{});
    CHECK_FALSE(objects.next(out));
    CHECK(objects.error() == decode_error::none);
}

TEST_CASE("a vector that is read again shrinks and grows") {
    leat::buffer frame;
    for (const auto& numbers : {std::vector<int>{1, 2, 3}, {4}, {}, {5, 6, 7, 8}})
        leat::encode(numbers, frame);
    leat::decoder<std::vector<int>> objects{frame.view()};
    std::vector<int> out;
    std::vector<std::vector<int>> seen;
    while (objects.next(out)) seen.push_back(out);
    CHECK(seen == std::vector<std::vector<int>>{{1, 2, 3}, {4}, {}, {5, 6, 7, 8}});
}

namespace {

struct node {
    std::unique_ptr<node> child;
    int after = 1;
    int last = 2;
    MSGPACK_DEFINE_MAP(child, after, last)
};

}  // namespace

TEST_CASE("maps inside maps with keys out of order take time in proportion, not twice for each level") {
    // {"child": ..., "last": 1, "after": 2}, thirty levels deep: doubling would take a thousand million
    // steps.
    std::vector<std::byte> frame = frame_of({0xc0});
    for (int level = 0; level < 30; ++level) {
        auto outer = frame_of({0x83, 0xa5, 'c', 'h', 'i', 'l', 'd'});
        outer.insert(outer.end(), frame.begin(), frame.end());
        const auto rest = frame_of({0xa4, 'l', 'a', 's', 't', 5, 0xa5, 'a', 'f', 't', 'e', 'r', 6});
        outer.insert(outer.end(), rest.begin(), rest.end());
        frame = std::move(outer);
    }
    const auto root = decoded<node>(frame);
    int levels = 0;
    for (const auto* at = &root; at != nullptr; at = at->child.get()) {
        CHECK(at->last == 5);
        CHECK(at->after == 6);
        ++levels;
    }
    CHECK(levels == 30);
}

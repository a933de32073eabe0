#include "codec_support.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

using leat::decode_error;
using leat::decode_limits;
using namespace std::literals;

TEST_CASE("a batch of many objects comes back in order") {
    leat::buffer frame;
    for (std::uint64_t i = 0; i < 10'000; ++i)
        leat::encode(order_map{i, -static_cast<std::int64_t>(i), 0.5, std::to_string(i)}, frame);
    leat::decoder<order_map> objects{frame.view()};
    order_map out;
    std::uint64_t seen = 0;
    while (objects.next(out)) {
        REQUIRE(out == order_map{seen, -static_cast<std::int64_t>(seen), 0.5, std::to_string(seen)});
        ++seen;
    }
    CHECK(seen == 10'000);
    CHECK(objects.error() == decode_error::none);
    CHECK(objects.offset() == frame.size());
}

TEST_CASE("an error inside a batch says where, ends the batch, and leaves the earlier ones good") {
    leat::buffer frame;
    leat::encode(order{1, 1, 1, "one"}, frame);
    leat::encode(order{2, 2, 2, "two"}, frame);
    const auto good = frame.size();
    leat::encode(std::tuple{3, 3, "three"s, "three"s}, frame);
    leat::encode(order{4, 4, 4, "four"}, frame);

    leat::decoder<order> objects{frame.view()};
    order out;
    REQUIRE(objects.next(out));
    CHECK(out.name == "one");
    REQUIRE(objects.next(out));
    CHECK(out.name == "two");
    CHECK(objects.offset() == good);
    CHECK_FALSE(objects.next(out));
    CHECK(objects.error() == decode_error::wrong_type);
    CHECK(objects.offset() == good + 3);
    CHECK_FALSE(objects.next(out));
    CHECK(objects.error() == decode_error::wrong_type);
}

TEST_CASE("every frame that was cut short is truncated") {
    const auto frame =
        encoded(std::tuple{order{1'000'000, -1'000'000, 1.5, "sixteen bytes ok"}, order_map{}, 1.5F,
                           std::vector<char>(300, 'x'), std::map<int, int>{{1, 2}}, std::string(40, 'y')});
    using type = std::tuple<order, order_map, float, std::vector<char>, std::map<int, int>, std::string>;
    REQUIRE(refusal<type>(frame) == decode_error::none);
    for (std::size_t size = 0; size < frame.size(); ++size) {
        CAPTURE(size);
        REQUIRE(refusal<type>(std::span{frame}.first(size)) == decode_error::truncated);
    }
}

TEST_CASE("one object means one: no byte is truncated, one too many is malformed") {
    int out = 0;
    CHECK(leat::decode({}, out) == decode_error::truncated);
    CHECK(leat::decode(frame_of({1, 2}), out) == decode_error::malformed);
    leat::decoder<int> none{{}};
    CHECK_FALSE(none.next(out));
    CHECK(none.error() == decode_error::none);
}

TEST_CASE("the byte that msgpack never uses is malformed wherever it stands") {
    const auto frame = frame_of({0xc1});
    CHECK(refusal<int>(frame) == decode_error::malformed);
    CHECK(refusal<bool>(frame) == decode_error::malformed);
    CHECK(refusal<double>(frame) == decode_error::malformed);
    CHECK(refusal<std::string>(frame) == decode_error::malformed);
    CHECK(refusal<std::vector<int>>(frame) == decode_error::malformed);
    CHECK(refusal<std::map<int, int>>(frame) == decode_error::malformed);
    CHECK(refusal<order>(frame) == decode_error::malformed);
    CHECK(refusal<order>(frame_of({0x95, 1, 2, 3, 0xa0, 0xc1})) == decode_error::malformed);
    CHECK(refusal<point>(frame) == decode_error::malformed);
}

TEST_CASE("a value of another kind is the wrong type") {
    CHECK(refusal<int>(encoded("1"s)) == decode_error::wrong_type);
    CHECK(refusal<bool>(encoded(1)) == decode_error::wrong_type);
    CHECK(refusal<std::string>(encoded(1)) == decode_error::wrong_type);
    CHECK(refusal<std::vector<int>>(encoded(std::map<int, int>{})) == decode_error::wrong_type);
    CHECK(refusal<std::map<int, int>>(encoded(std::vector<int>{})) == decode_error::wrong_type);
    CHECK(refusal<order>(encoded(order_map{})) == decode_error::wrong_type);
    CHECK(refusal<order_map>(encoded(order{})) == decode_error::wrong_type);
    CHECK(refusal<order>(frame_of({0xc0})) == decode_error::wrong_type);
    CHECK(refusal<std::pair<int, int>>(frame_of({0x93, 1, 2, 3})) == decode_error::wrong_type);
    CHECK(refusal<int>(frame_of({0xd4, 1, 2})) == decode_error::wrong_type);
}

TEST_CASE("more elements than a fixed array has are out of range") {
    using three = std::array<int, 3>;
    CHECK(refusal<three>(encoded(std::vector{1, 2, 3})) == decode_error::none);
    CHECK(refusal<three>(encoded(std::vector{1, 2, 3, 4})) == decode_error::out_of_range);
    CHECK(refusal<std::array<char, 2>>(encoded("abc"s)) == decode_error::out_of_range);
    CHECK(decoded<std::array<char, 4>>(encoded("ab"s)) == std::array<char, 4>{'a', 'b', 0, 0});
}

TEST_CASE("the depth limit is exact, in place, in what is stepped over and in what is converted") {
    using nested = std::vector<std::vector<std::vector<int>>>;
    const auto frame = encoded(nested{{{1}}});
    CHECK(refusal<nested>(frame, {.depth = 3}) == decode_error::none);
    CHECK(refusal<nested>(frame, {.depth = 2}) == decode_error::too_deep);

    const auto extra = frame_of({0x95, 1, 2, 3, 0xa0, 0x91, 0x91, 1});
    CHECK(refusal<order>(extra, {.depth = 3}) == decode_error::none);
    CHECK(refusal<order>(extra, {.depth = 2}) == decode_error::too_deep);

    const auto body = frame_of({0x91, 0x81, 1, 0x90});
    leat::decoder<std::vector<msgpack::object>> deep{body, {.depth = 3}};
    std::vector<msgpack::object> out;
    CHECK(deep.next(out));
    leat::decoder<std::vector<msgpack::object>> shallow{body, {.depth = 2}};
    CHECK_FALSE(shallow.next(out));
    CHECK(shallow.error() == decode_error::too_deep);
    CHECK(shallow.offset() == 3);

    CHECK(refusal<int>(frame_of({1}), {.depth = 0}) == decode_error::none);
    CHECK(refusal<order>(frame_of({0x90}), {.depth = 0}) == decode_error::too_deep);
}

TEST_CASE("the element limit is exact for arrays, maps and what is stepped over") {
    const decode_limits limits{.elements = 20};
    CHECK(refusal<std::vector<int>>(encoded(std::vector<int>(20)), limits) == decode_error::none);
    CHECK(refusal<std::vector<int>>(encoded(std::vector<int>(21)), limits) ==
          decode_error::too_many_elements);
    std::map<int, int> map;
    for (int i = 0; i < 20; ++i) map[i] = i;
    CHECK(refusal<std::map<int, int>>(encoded(map), limits) == decode_error::none);
    map[20] = 20;
    CHECK(refusal<std::map<int, int>>(encoded(map), limits) == decode_error::too_many_elements);
    const auto extra = [](std::size_t size) {
        return encoded(std::tuple{1, 2, 3.0, ""s, std::vector<int>(size)});
    };
    CHECK(refusal<order>(extra(20), limits) == decode_error::none);
    CHECK(refusal<order>(extra(21), limits) == decode_error::too_many_elements);
}

TEST_CASE("the string and binary limits are exact") {
    for (const std::size_t most : {10U, 31U, 40U, 300U, 70'000U}) {
        CAPTURE(most);
        const decode_limits strings{.string_bytes = most, .binary_bytes = 0};
        CHECK(refusal<std::string>(encoded(std::string(most, 'x')), strings) == decode_error::none);
        CHECK(refusal<std::string>(encoded(std::string(most + 1, 'x')), strings) == decode_error::too_long);
        const decode_limits binaries{.string_bytes = 0, .binary_bytes = most};
        CHECK(refusal<std::vector<char>>(encoded(std::vector<char>(most)), binaries) == decode_error::none);
        CHECK(refusal<std::vector<char>>(encoded(std::vector<char>(most + 1)), binaries) ==
              decode_error::too_long);
        const msgpack::type::ext extension{1, std::string(most, 'x').data(),
                                           static_cast<std::uint32_t>(most)};
        CHECK(refusal<msgpack::type::ext>(encoded(extension), binaries) == decode_error::none);
        CHECK(refusal<msgpack::type::ext>(encoded(extension), {.binary_bytes = most - 1}) ==
              decode_error::too_long);
    }
}

TEST_CASE("a container that claims more than the frame holds is truncated before anything is made") {
    CHECK(refusal<std::vector<int>>(frame_of({0xdc, 0, 3, 1, 2})) == decode_error::truncated);
    CHECK(refusal<std::map<int, int>>(frame_of({0x82, 1, 2, 3})) == decode_error::truncated);
    CHECK(refusal<std::vector<int>>(frame_of({0xdd, 0, 0x0f, 0, 0})) == decode_error::truncated);
    CHECK(refusal<std::vector<int>>(frame_of({0xdd, 0xff, 0xff, 0xff, 0xff})) ==
          decode_error::too_many_elements);
    CHECK(refusal<point>(frame_of({0xdd, 0, 0x0f, 0, 0})) == decode_error::truncated);
}

namespace {

struct heavy {
    std::array<std::int64_t, 512> numbers{};
    MSGPACK_DEFINE(numbers)
};

}  // namespace

TEST_CASE("a frame that unfolds to far more than it is long is refused at the expansion limit") {
    std::vector<heavy> out;
    auto frame = encoded(std::vector<std::vector<int>>(1'000));
    CHECK(leat::decode(frame, out) == decode_error::too_many_elements);
    CHECK(out.empty());
    CHECK(leat::decode(frame, out, {.expansion = 4'096}) == decode_error::none);
    CHECK(out.size() == 1'000);
}

namespace {

struct listed {
    std::vector<std::map<int, int>> list;
    int first = 1, second = 2;
    MSGPACK_DEFINE_MAP(list, first, second)
};
struct listed_otherwise {
    std::vector<std::map<int, int>> list = std::vector<std::map<int, int>>(100'000);
    int second = 2, first = 1;
    MSGPACK_DEFINE_MAP(list, second, first)
};

}  // namespace

TEST_CASE("an object that has to be read twice is charged once for what it unfolds to") {
    listed out;
    CHECK(leat::decode(encoded(listed_otherwise{}), out) == decode_error::none);
    CHECK(out.list.size() == 100'000);
}

TEST_CASE("every error has a name of its own") {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(decode_error::too_long); ++i)
        names.insert(to_string(static_cast<decode_error>(i)));
    CHECK(names.size() == 8);
    CHECK(to_string(decode_error::out_of_range) == "out of range");
}

namespace {

struct refusing {
    template <class Packer>
    void msgpack_pack(Packer& packer) const {
        packer.pack_array(2);
        packer.pack(1);
        throw std::runtime_error{"no"};
    }
};

}  // namespace

TEST_CASE("an encode that fails leaves the buffer as it was") {
    leat::buffer out;
    leat::encode(5, out);
    CHECK_THROWS_AS(leat::encode(refusing{}, out), std::runtime_error);
    CHECK(out.size() == 1);
}

#include <leat/codec.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

using leat::decode_error;
using leat::decode_limits;
using namespace std::literals;

enum class grade { plain, acknowledged, durable };
enum class wide : std::int64_t { low = std::numeric_limits<std::int64_t>::min() };
enum class checked : std::uint8_t { one = 1, two = 2 };
MSGPACK_ADD_ENUM(grade)
MSGPACK_ADD_ENUM(wide)

/// A type that knows nothing of msgpack; its adaptor stands outside.
struct point {
    int x = 0;
    int y = 0;
    bool operator==(const point&) const = default;
};

template <>
struct msgpack::adaptor::convert<point> {
    const msgpack::object& operator()(const msgpack::object& from, point& to) const {
        if (from.type != msgpack::type::ARRAY || from.via.array.size != 2) throw msgpack::type_error{};
        to = {from.via.array.ptr[0].as<int>(), from.via.array.ptr[1].as<int>()};
        return from;
    }
};
template <>
struct msgpack::adaptor::pack<point> {
    template <class Stream>
    msgpack::packer<Stream>& operator()(msgpack::packer<Stream>& to, const point& from) const {
        return to.pack_array(2).pack(from.x).pack(from.y);
    }
};

/// An enum whose own converter takes only what it names.
template <>
struct msgpack::adaptor::convert<checked> {
    const msgpack::object& operator()(const msgpack::object& from, checked& to) const {
        const auto number = from.as<unsigned>();
        if (number != 1 && number != 2) throw std::invalid_argument{"neither one nor two"};
        to = static_cast<checked>(number);
        return from;
    }
};
template <>
struct msgpack::adaptor::pack<checked> {
    template <class Stream>
    msgpack::packer<Stream>& operator()(msgpack::packer<Stream>& to, checked from) const {
        return to.pack(static_cast<unsigned>(from));
    }
};

namespace {

struct order {
    std::uint64_t id = 7;
    std::int64_t delta = -7;
    double price = 0.5;
    std::string name = "unnamed";
    bool operator==(const order&) const = default;
    MSGPACK_DEFINE(id, delta, price, name)
};

struct order_map {
    std::uint64_t id = 7;
    std::int64_t delta = -7;
    double price = 0.5;
    std::string name = "unnamed";
    bool operator==(const order_map&) const = default;
    MSGPACK_DEFINE_MAP(id, delta, price, name)
};

struct order_wider {
    std::uint64_t id = 7;
    std::int64_t delta = -7;
    double price = 0.5;
    std::string name = "unnamed";
    std::vector<std::string> tags = {"new"};
    bool operator==(const order_wider&) const = default;
    MSGPACK_DEFINE(id, delta, price, name, tags)
};

struct order_map_wider {
    std::int32_t first = 1;
    std::uint64_t id = 7;
    std::int64_t delta = -7;
    std::vector<std::string> middle = {"new"};
    double price = 0.5;
    std::string name = "unnamed";
    std::optional<int> last = 3;
    bool operator==(const order_map_wider&) const = default;
    MSGPACK_DEFINE_MAP(first, id, delta, middle, price, name, last)
};

struct order_map_reversed {
    std::uint64_t id = 7;
    std::int64_t delta = -7;
    double price = 0.5;
    std::string name = "unnamed";
    MSGPACK_DEFINE_MAP(name, price, delta, id)
};

struct base_part {
    int base_value = 1;
    bool operator==(const base_part&) const = default;
    MSGPACK_DEFINE(base_value)
};
struct derived_part : base_part {
    int own_value = 2;
    bool operator==(const derived_part&) const = default;
    MSGPACK_DEFINE(MSGPACK_BASE(base_part), own_value)
};
struct base_map {
    int base_value = 1;
    bool operator==(const base_map&) const = default;
    MSGPACK_DEFINE_MAP(base_value)
};
struct derived_map : base_map {
    int own_value = 2;
    bool operator==(const derived_map&) const = default;
    MSGPACK_DEFINE_MAP(MSGPACK_BASE_MAP(base_map), MSGPACK_NVP("renamed", own_value))
};

struct empty_array {
    bool operator==(const empty_array&) const = default;
    MSGPACK_DEFINE()
};

/// Everything at once, so that one round trip goes through every reader.
struct all_kinds {
    bool flag = false;
    char letter = 'a';
    signed char small = 0;
    short s = 0;
    int i = 0;
    long l = 0;
    long long ll = 0;
    unsigned char us = 0;
    unsigned short ush = 0;
    unsigned u = 0;
    unsigned long ul = 0;
    float f = 0;
    double d = 0;
    std::byte octet{};
    grade level = grade::plain;
    std::string text;
    std::vector<char> chars;
    std::vector<unsigned char> octets;
    std::vector<std::byte> bytes;
    std::vector<bool> bits;
    std::vector<order> orders;
    std::array<int, 3> fixed{};
    std::array<char, 4> code{};
    std::array<unsigned char, 2> pair_of_octets{};
    int plain_array[2] = {};
    char plain_text[8] = {};
    std::deque<int> deque;
    std::list<std::string> list;
    std::set<int> set;
    std::multiset<int> multiset;
    std::unordered_set<std::string> unordered_set;
    std::map<std::string, std::vector<int>> map;
    std::multimap<int, std::string> multimap;
    std::unordered_map<int, order_map> unordered_map;
    std::optional<order_map> some;
    std::optional<int> none;
    std::pair<int, std::string> pair;
    std::tuple<int, double, std::string> tuple;
    std::unique_ptr<order> unique;
    std::shared_ptr<int> shared;
    point adapted;
    std::vector<point> adapted_list;
    std::complex<double> complex;
    std::wstring wide_text;
    derived_part derived;
    derived_map derived_as_map;
    empty_array nothing;
    MSGPACK_DEFINE_MAP(flag, letter, small, s, i, l, ll, us, ush, u, ul, f, d, octet, level, text, chars,
                       octets, bytes, bits, orders, fixed, code, pair_of_octets, plain_array, plain_text,
                       deque, list, set, multiset, unordered_set, map, multimap, unordered_map, some, none,
                       pair, tuple, unique, shared, adapted, adapted_list, complex, wide_text, derived,
                       derived_as_map, nothing)
};

template <class Value>
std::vector<std::byte> encoded(const Value& value) {
    leat::buffer out;
    leat::encode(value, out);
    return {out.view().begin(), out.view().end()};
}

std::vector<std::byte> frame_of(std::initializer_list<int> octets) {
    std::vector<std::byte> frame;
    for (const int octet : octets) frame.push_back(static_cast<std::byte>(octet));
    return frame;
}

template <class Value>
Value decoded(std::span<const std::byte> frame, const decode_limits& limits = {}) {
    Value out{};
    REQUIRE(leat::decode(frame, out, limits) == decode_error::none);
    return out;
}

template <class Value>
decode_error refusal(std::span<const std::byte> frame, const decode_limits& limits = {}) {
    Value out{};
    return leat::decode(frame, out, limits);
}

template <class Value>
void check_round_trip(const Value& value) {
    CAPTURE(value);
    CHECK(decoded<Value>(encoded(value)) == value);
}

template <class Integer>
void check_integer_edges() {
    using limits = std::numeric_limits<Integer>;
    for (const auto value :
         {limits::min(), limits::max(), Integer{0}, Integer{1}, Integer{31}, Integer{32}, Integer{127},
          static_cast<Integer>(limits::min() + 1), static_cast<Integer>(limits::max() - 1)}) {
        CHECK(decoded<Integer>(encoded(value)) == value);
    }
}

}  // namespace

TEST_CASE("integers of every width come back") {
    check_integer_edges<char>();
    check_integer_edges<signed char>();
    check_integer_edges<unsigned char>();
    check_integer_edges<short>();
    check_integer_edges<unsigned short>();
    check_integer_edges<int>();
    check_integer_edges<unsigned>();
    check_integer_edges<long>();
    check_integer_edges<unsigned long>();
    check_integer_edges<long long>();
    check_integer_edges<unsigned long long>();
    check_integer_edges<wchar_t>();
}

TEST_CASE("an integer is taken from any width that holds it") {
    CHECK(decoded<std::uint8_t>(frame_of({0xcf, 0, 0, 0, 0, 0, 0, 0, 200})) == 200);
    CHECK(decoded<std::uint8_t>(frame_of({0xd3, 0, 0, 0, 0, 0, 0, 0, 200})) == 200);
    CHECK(decoded<std::int64_t>(frame_of({0xd0, 0x80})) == -128);
    CHECK(decoded<std::int8_t>(frame_of({0xd1, 0xff, 0x80})) == -128);
    CHECK(decoded<std::int8_t>(frame_of({0xe0})) == -32);
    CHECK(decoded<std::uint64_t>(frame_of({0xd0, 5})) == 5);
}

TEST_CASE("an integer beyond the field is out of range") {
    CHECK(refusal<std::uint8_t>(encoded(256)) == decode_error::out_of_range);
    CHECK(refusal<std::uint64_t>(encoded(-1)) == decode_error::out_of_range);
    CHECK(refusal<std::uint64_t>(encoded(-1000)) == decode_error::out_of_range);
    CHECK(refusal<std::int8_t>(encoded(128)) == decode_error::out_of_range);
    CHECK(refusal<std::int8_t>(encoded(-129)) == decode_error::out_of_range);
    CHECK(refusal<std::int64_t>(encoded(std::uint64_t{1} << 63)) == decode_error::out_of_range);
    CHECK(refusal<std::byte>(encoded(256)) == decode_error::out_of_range);
}

TEST_CASE("floating point numbers come back and are taken from integers") {
    for (const double value : {0.0, -0.5, 1e300, std::numeric_limits<double>::infinity()})
        CHECK(decoded<double>(encoded(value)) == value);
    CHECK(std::isnan(decoded<double>(encoded(std::nan("")))));
    CHECK(decoded<float>(encoded(1.5F)) == 1.5F);
    CHECK(decoded<float>(encoded(1.5)) == 1.5F);
    CHECK(decoded<double>(encoded(1.5F)) == 1.5);
    CHECK(decoded<double>(encoded(12)) == 12.0);
    CHECK(decoded<double>(encoded(-12)) == -12.0);
    CHECK(decoded<double>(encoded(-1'000'000)) == -1e6);
    CHECK(decoded<double>(encoded(std::numeric_limits<std::uint64_t>::max())) == 18446744073709551615.0);
    CHECK(refusal<int>(encoded(1.5)) == decode_error::wrong_type);
    CHECK(refusal<double>(encoded("1"s)) == decode_error::wrong_type);
}

TEST_CASE("strings of every header come back") {
    for (const std::size_t size : {0U, 1U, 31U, 32U, 255U, 256U, 65535U, 65536U}) {
        const std::string text(size, 'x');
        CHECK(decoded<std::string>(encoded(text)) == text);
        const auto frame = encoded(text);
        const auto view = decoded<std::string_view>(frame);
        CHECK(view == text);
        CHECK(reinterpret_cast<const std::byte*>(view.data()) == frame.data() + (frame.size() - size));
    }
}

TEST_CASE("strings and binaries stand in for each other, but a raw_ref takes binaries only") {
    const auto binary = encoded(std::vector<char>{'a', 'b'});
    CHECK(decoded<std::string>(binary) == "ab");
    CHECK(decoded<std::vector<char>>(encoded("ab"s)) == std::vector<char>{'a', 'b'});
    CHECK(decoded<msgpack::type::raw_ref>(binary).str() == "ab");
    CHECK(refusal<msgpack::type::raw_ref>(encoded("ab"s)) == decode_error::wrong_type);
    for (const std::size_t size : {0U, 255U, 256U, 65536U}) {
        const std::vector<unsigned char> octets(size, 9);
        CHECK(decoded<std::vector<unsigned char>>(encoded(octets)) == octets);
    }
}

TEST_CASE("containers of every header come back") {
    for (const std::size_t size : {0U, 15U, 16U, 65535U, 65536U}) {
        const std::vector<int> numbers(size, 3);
        CHECK(decoded<std::vector<int>>(encoded(numbers)) == numbers);
        std::map<std::size_t, bool> map;
        for (std::size_t i = 0; i < size; ++i) map.emplace(i, i % 2 == 0);
        CHECK(decoded<std::map<std::size_t, bool>>(encoded(map)) == map);
    }
}

TEST_CASE("a struct with a field of every kind comes back") {
    all_kinds sent;
    sent.flag = true;
    sent.letter = 'z';
    sent.small = -5;
    sent.s = -300;
    sent.i = 70'000;
    sent.l = -5'000'000'000;
    sent.ll = 5;
    sent.us = 200;
    sent.ush = 60'000;
    sent.u = 4'000'000'000U;
    sent.ul = 1;
    sent.f = 0.25F;
    sent.d = -0.125;
    sent.octet = std::byte{0xfe};
    sent.level = grade::durable;
    sent.text = "text";
    sent.chars = {'a', 'b'};
    sent.octets = {1, 2, 3};
    sent.bytes = {std::byte{4}, std::byte{5}};
    sent.bits = {true, false, true};
    sent.orders = {order{}, order{1, 2, 3, "four"}};
    sent.fixed = {1, 2, 3};
    sent.code = {'A', 'B', 'C', 'D'};
    sent.pair_of_octets = {8, 9};
    sent.plain_array[1] = 5;
    std::strcpy(sent.plain_text, "abc");
    sent.deque = {1, 2};
    sent.list = {"x", "y"};
    sent.set = {3, 1, 2};
    sent.multiset = {1, 1};
    sent.unordered_set = {"u"};
    sent.map = {{"one", {1}}, {"none", {}}};
    sent.multimap = {{1, "a"}, {1, "b"}};
    sent.unordered_map[4] = {1, 2, 3, "four"};
    sent.some = order_map{9, 9, 9, "nine"};
    sent.none = std::nullopt;
    sent.pair = {1, "p"};
    sent.tuple = {1, 2.5, "t"};
    sent.unique = std::make_unique<order>(order{5, 5, 5, "five"});
    sent.shared = std::make_shared<int>(6);
    sent.adapted = {1, 2};
    sent.adapted_list = {{3, 4}, {5, 6}};
    sent.complex = {1, 2};
    sent.wide_text = L"wide";
    sent.derived.base_value = 10;
    sent.derived.own_value = 20;
    sent.derived_as_map.base_value = 30;
    sent.derived_as_map.own_value = 40;

    const auto frame = encoded(sent);
    all_kinds got;
    got.some.emplace().name = "an earlier one";
    got.none = 5;
    got.list = {"stale"};
    std::strcpy(got.plain_text, "earlier");
    CHECK(leat::decode(std::span{frame}, got) == decode_error::none);
    CHECK(encoded(got) == frame);
    CHECK(got.plain_text == "abc"s);
    CHECK(got.derived_as_map == sent.derived_as_map);
    CHECK(got.derived == sent.derived);
    CHECK(got.adapted_list == sent.adapted_list);
    CHECK(*got.unique == *sent.unique);
}

TEST_CASE("structs are read in place, and hand-written ones are not") {
    using leat::detail::msgpack_shape;
    CHECK(leat::detail::shape_of<order>() == msgpack_shape::array);
    CHECK(leat::detail::shape_of<order_map>() == msgpack_shape::map);
    CHECK(leat::detail::shape_of<derived_part>() == msgpack_shape::array);
    CHECK(leat::detail::shape_of<derived_map>() == msgpack_shape::map);
    CHECK(leat::detail::shape_of<empty_array>() == msgpack_shape::array);
    CHECK(leat::detail::shape_of<all_kinds>() == msgpack_shape::map);
}

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

namespace {

/// Written by hand: not more than the fields, but as single numbers.
class packed_pair {
public:
    packed_pair() = default;
    packed_pair(int a, int b) : a_(a), b_(b) {}
    bool operator==(const packed_pair&) const = default;

    template <class Packer>
    void msgpack_pack(Packer& packer) const {
        packer.pack(a_ * 1000 + b_);
    }
    void msgpack_unpack(const msgpack::object& from) {
        const auto both = from.as<int>();
        a_ = both / 1000;
        b_ = both % 1000;
    }
    template <class Object>
    void msgpack_object(Object* to, msgpack::zone&) const {
        *to = msgpack::object(a_ * 1000 + b_);
    }

private:
    int a_ = 0;
    int b_ = 0;
};

/// Written by hand in the shape of the macros, with a check in its own msgpack_unpack.
class percentage {
public:
    percentage() = default;
    explicit percentage(int value) : value_(value) {}
    [[nodiscard]] int value() const { return value_; }
    bool operator==(const percentage&) const = default;

    template <class Packer>
    void msgpack_pack(Packer& packer) const {
        packer.pack_array(1);
        packer.pack(value_);
    }
    void msgpack_unpack(const msgpack::object& from) {
        if (from.type != msgpack::type::ARRAY || from.via.array.size != 1) throw msgpack::type_error{};
        const auto value = from.via.array.ptr[0].as<int>();
        if (value < 0 || value > 100) throw std::invalid_argument{"not a percentage"};
        value_ = value;
    }
    template <class Object>
    void msgpack_object(Object* to, msgpack::zone& zone) const {
        *to = msgpack::object(std::vector<int>{value_}, zone);
    }

private:
    int value_ = 0;
};

/// The macro's functions for packing, a check of its own for unpacking: says so below.
class even {
public:
    int value = 0;
    bool operator==(const even&) const = default;

    template <class Packer>
    void msgpack_pack(Packer& packer) const {
        msgpack::type::make_define_array(value).msgpack_pack(packer);
    }
    void msgpack_unpack(const msgpack::object& from) {
        msgpack::type::make_define_array(value).msgpack_unpack(from);
        if (value % 2 != 0) throw std::invalid_argument{"odd"};
    }
    template <class Object>
    void msgpack_object(Object* to, msgpack::zone& zone) const {
        msgpack::type::make_define_array(value).msgpack_object(to, zone);
    }
};

/// Uses calls of a packer that no macro makes, and passes it on to functions for the library's packer.
struct by_stream {
    int a = 0;
    std::string b;
    bool operator==(const by_stream&) const = default;

    template <class Packer>
    void msgpack_pack(Packer& packer) const {
        packer.pack_array(2);
        pack_rest(packer);
    }
    template <class Stream>
    void pack_rest(msgpack::packer<Stream>& packer) const {
        packer << a;
        packer.pack_str(static_cast<std::uint32_t>(b.size()))
            .pack_str_body(b.data(), static_cast<std::uint32_t>(b.size()));
    }
    void msgpack_unpack(const msgpack::object& from) {
        std::tuple<int, std::string> both;
        from.convert(both);
        std::tie(a, b) = both;
    }
    template <class Object>
    void msgpack_object(Object*, msgpack::zone&) const {}
};

struct by_hand {
    packed_pair pair;
    percentage share;
    even number;
    by_stream stream;
    bool operator==(const by_hand&) const = default;
    MSGPACK_DEFINE_MAP(pair, share, number, stream)
};

}  // namespace

template <>
inline constexpr bool leat::convert_with_msgpack<even> = true;

TEST_CASE("types whose functions were written by hand are decoded by their own converter") {
    using leat::detail::msgpack_shape;
    CHECK(leat::detail::shape_of<packed_pair>() == msgpack_shape::opaque);
    CHECK(leat::detail::shape_of<percentage>() == msgpack_shape::opaque);
    CHECK(leat::detail::shape_of<by_stream>() == msgpack_shape::opaque);
    const by_hand sent{{12, 34}, percentage{56}, {78}, {9, "ten"}};
    CHECK(decoded<by_hand>(encoded(sent)) == sent);
    CHECK(decoded<packed_pair>(encoded(sent.pair)) == sent.pair);
    CHECK(decoded<std::vector<percentage>>(encoded(std::vector{percentage{3}})).front().value() == 3);
}

TEST_CASE("what a hand-written converter refuses is the wrong type") {
    CHECK(refusal<percentage>(encoded(percentage{101})) == decode_error::wrong_type);
    CHECK(refusal<even>(encoded(even{3})) == decode_error::wrong_type);
    CHECK(refusal<packed_pair>(encoded("text"s)) == decode_error::wrong_type);
    CHECK(refusal<point>(frame_of({0x91, 1})) == decode_error::wrong_type);
}

TEST_CASE("enums come back, and their converters decide what they take") {
    check_round_trip(static_cast<int>(grade::durable));
    CHECK(decoded<grade>(encoded(grade::durable)) == grade::durable);
    CHECK(decoded<wide>(encoded(wide::low)) == wide::low);
    CHECK(decoded<std::vector<checked>>(encoded(std::vector{checked::one, checked::two})).back() ==
          checked::two);
    CHECK(refusal<checked>(encoded(3)) == decode_error::out_of_range);
    CHECK(refusal<grade>(encoded(std::int64_t{1} << 40)) == decode_error::out_of_range);
    CHECK(refusal<grade>(encoded("durable"s)) == decode_error::wrong_type);
}

namespace {

struct elsewhere {
    static int& shared_value() {
        static int value = 0;
        return value;
    }
    template <class Packer>
    void msgpack_pack(Packer& packer) const {
        msgpack::type::make_define_array(shared_value()).msgpack_pack(packer);
    }
    void msgpack_unpack(const msgpack::object& from) {
        msgpack::type::make_define_array(shared_value()).msgpack_unpack(from);
    }
    void msgpack_object(void*, msgpack::zone&) const {}
};

}  // namespace

TEST_CASE("a type is not found to be a macro's because it lies like one") {
    CHECK(leat::detail::shape_of<elsewhere>() == leat::detail::msgpack_shape::opaque);
}

namespace {

struct envelope {
    std::string kind;
    msgpack::object body;
    MSGPACK_DEFINE(kind, body)
};

}  // namespace

TEST_CASE("a msgpack object inside a struct lasts until the next one is asked for") {
    leat::buffer frame;
    leat::encode(std::tuple{"list"s, std::vector{1, 2, 3}}, frame);
    leat::encode(std::tuple{"map"s, std::map<std::string, int>{{"a", 1}}}, frame);
    leat::decoder<envelope> objects{frame.view()};
    envelope out;
    REQUIRE(objects.next(out));
    CHECK(out.body.as<std::vector<int>>() == std::vector{1, 2, 3});
    REQUIRE(objects.next(out));
    CHECK(out.body.as<std::map<std::string, int>>() == std::map<std::string, int>{{"a", 1}});
}

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

namespace {

struct random_value {
    std::optional<std::vector<std::map<std::string, std::pair<std::int32_t, double>>>> a;
    std::tuple<std::uint16_t, std::string, std::vector<bool>> b;
    std::vector<order> c;
    std::map<std::int8_t, std::deque<order_map>> d;
    std::set<std::string> e;
    std::array<float, 3> f{};
    grade g = grade::plain;
    std::vector<unsigned char> h;
    bool operator==(const random_value&) const = default;
    MSGPACK_DEFINE_MAP(a, b, c, d, e, f, g, h)
};

class maker {
public:
    explicit maker(std::uint64_t seed) : engine_(seed) {}

    std::size_t upto(std::size_t most) { return engine_() % (most + 1); }
    template <class Integer>
    Integer number() {
        return static_cast<Integer>(engine_() >> upto(63));
    }
    std::string text() {
        return std::string(upto(3) == 0 ? upto(300) : upto(20), static_cast<char>('a' + upto(25)));
    }
    order_map one() { return {number<std::uint64_t>(), number<std::int64_t>(), number<int>() / 8.0, text()}; }

    random_value value() {
        random_value made;
        if (upto(1) == 0) {
            made.a.emplace(upto(5));
            for (auto& map : *made.a) {
                for (auto i = upto(20); i != 0; --i)
                    map[text()] = {number<std::int32_t>(), number<int>() / 4.0};
            }
        }
        made.b = {number<std::uint16_t>(), text(), std::vector<bool>(upto(20), upto(1) == 0)};
        for (auto i = upto(20); i != 0; --i) {
            const auto next = one();
            made.c.push_back({next.id, next.delta, next.price, next.name});
        }
        for (auto i = upto(5); i != 0; --i) made.d[number<std::int8_t>()].resize(upto(4), one());
        for (auto i = upto(20); i != 0; --i) made.e.insert(text());
        made.f = {number<std::int16_t>() / 2.0F, 1, 2};
        made.g = static_cast<grade>(upto(2));
        made.h.resize(upto(400), 7);
        return made;
    }

private:
    std::mt19937_64 engine_;
};

}  // namespace

TEST_CASE("random values come back as msgpack-cxx's own converter reads them") {
    maker make{20240229};
    leat::buffer batch;
    std::vector<random_value> sent;
    for (int i = 0; i < 1'000; ++i) {
        sent.push_back(make.value());
        leat::encode(sent.back(), batch);
    }
    leat::decoder<random_value> objects{batch.view()};
    random_value out;
    std::size_t offset = 0;
    for (const auto& expected : sent) {
        REQUIRE(objects.next(out));
        const auto handle =
            msgpack::unpack(reinterpret_cast<const char*>(batch.view().data()), batch.size(), offset);
        REQUIRE(out == handle.get().as<random_value>());
        REQUIRE(out == expected);
        REQUIRE(objects.offset() == offset);
    }
    CHECK_FALSE(objects.next(out));
    CHECK(objects.error() == decode_error::none);
}

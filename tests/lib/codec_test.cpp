#include "codec_support.hpp"

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

using leat::decode_error;
using namespace std::literals;

namespace {

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

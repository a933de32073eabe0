#include "codec_support.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using leat::decode_error;
using namespace std::literals;

enum class wide : std::int64_t { low = std::numeric_limits<std::int64_t>::min() };
enum class checked : std::uint8_t { one = 1, two = 2 };
MSGPACK_ADD_ENUM(wide)

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

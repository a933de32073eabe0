#pragma once

#include <leat/codec.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

// What the codec's tests share: types to send, and one line for each way to look at the result.

enum class grade { plain, acknowledged, durable };
MSGPACK_ADD_ENUM(grade)

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
template <class Value>
std::vector<std::byte> encoded(const Value& value) {
    leat::buffer out;
    leat::encode(value, out);
    return {out.view().begin(), out.view().end()};
}

inline std::vector<std::byte> frame_of(std::initializer_list<int> octets) {
    std::vector<std::byte> frame;
    for (const int octet : octets) frame.push_back(static_cast<std::byte>(octet));
    return frame;
}

template <class Value>
Value decoded(std::span<const std::byte> frame, const leat::decode_limits& limits = {}) {
    Value out{};
    REQUIRE(leat::decode(frame, out, limits) == leat::decode_error::none);
    return out;
}

template <class Value>
leat::decode_error refusal(std::span<const std::byte> frame, const leat::decode_limits& limits = {}) {
    Value out{};
    return leat::decode(frame, out, limits);
}

template <class Value>
void check_round_trip(const Value& value) {
    CAPTURE(value);
    CHECK(decoded<Value>(encoded(value)) == value);
}

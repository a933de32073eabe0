#include "leat/codec.hpp"

#include <algorithm>
#include <array>

namespace leat {

std::string_view to_string(decode_error error) noexcept {
    switch (error) {
        case decode_error::none:
            return "none";
        case decode_error::truncated:
            return "truncated";
        case decode_error::malformed:
            return "malformed";
        case decode_error::wrong_type:
            return "wrong type";
        case decode_error::out_of_range:
            return "out of range";
        case decode_error::too_deep:
            return "too deep";
        case decode_error::too_many_elements:
            return "too many elements";
        case decode_error::too_long:
            return "too long";
    }
    return "unknown";
}

namespace detail {
namespace {

constexpr std::size_t deepest = 1024;
constexpr std::size_t free_expansion = std::size_t{1} << 20;

std::size_t expansion_of(std::size_t frame, std::size_t factor) noexcept {
    if (factor != 0 && frame > (SIZE_MAX - free_expansion) / factor) return SIZE_MAX;
    return frame * factor + free_expansion;
}

/// What an empty array of a tree points at. The library's converters look at the first element of any array.
msgpack::object_kv nothing;

}  // namespace

msgpack_reader::msgpack_reader(std::span<const std::byte> frame, const decode_limits& limits) noexcept
    : at_(reinterpret_cast<const std::uint8_t*>(frame.data())),
      end_(at_ + frame.size()),
      depth_left_(std::min(limits.depth, deepest)),
      budget_(expansion_of(frame.size(), limits.expansion)),
      limits_(limits),
      begin_(at_),
      object_at_(at_),
      object_budget_(budget_) {}

bool msgpack_reader::begin_again() noexcept {
    if (error_ == needs_fresh)
        start_fresh_ = true;
    else if (error_ == needs_index)
        in_order_ = false;
    else
        return false;
    error_ = decode_error::none;
    at_ = object_at_;
    budget_ = object_budget_;
    depth_left_ = std::min(limits_.depth, deepest);
    pairs_.clear();
    begin_object();
    return true;
}

bool msgpack_reader::enter_other(std::uint8_t short_head, std::size_t least, std::uint32_t& count) noexcept {
    if (at_end()) return fail(decode_error::truncated);
    if (*at_ == short_head) {
        if (left() < 3) return fail(decode_error::truncated);
        return enter(load<std::uint16_t>(at_ + 1), 3, count, least);
    }
    if (*at_ == short_head + 1) {
        if (left() < 5) return fail(decode_error::truncated);
        return enter(load<std::uint32_t>(at_ + 1), 5, count, least);
    }
    return fail_type();
}

bool msgpack_reader::other_text(std::string_view& out) noexcept {
    if (at_end()) return fail(decode_error::truncated);
    const bool text_head =
        (*at_ & 0xe0) == 0xa0 || (*at_ >= 0xd9 && *at_ <= 0xdb) || (*at_ >= 0xc4 && *at_ <= 0xc6);
    if (!text_head) return fail_type();
    msgpack_token got;
    if (!token(got)) return false;
    out = {reinterpret_cast<const char*>(got.data), got.size};
    return true;
}

bool msgpack_reader::token(msgpack_token& out) noexcept {
    if (at_end()) return fail(decode_error::truncated);
    const std::uint8_t head = *at_;

    const auto scalar = [&](msgpack::type::object_type type, std::uint64_t number, std::size_t bytes) {
        out = {type, number, 0, nullptr};
        at_ += bytes;
        return true;
    };
    const auto whole = [&](std::int64_t number, std::size_t bytes) {
        return scalar(number < 0 ? msgpack::type::NEGATIVE_INTEGER : msgpack::type::POSITIVE_INTEGER,
                      static_cast<std::uint64_t>(number), bytes);
    };
    const auto bytes = [&](msgpack::type::object_type type, std::size_t head_bytes, std::size_t size) {
        const auto limit = type == msgpack::type::STR ? limits_.string_bytes : limits_.binary_bytes;
        const std::size_t extra = type == msgpack::type::EXT ? 1 : 0;
        if (size > limit) return fail(decode_error::too_long);
        if (size + extra > left() - head_bytes) return fail(decode_error::truncated);
        out = {type, 0, static_cast<std::uint32_t>(size), at_ + head_bytes};
        at_ += head_bytes + size + extra;
        return true;
    };
    const auto container = [&](msgpack::type::object_type type, std::size_t head_bytes, std::uint32_t count) {
        const std::size_t least = type == msgpack::type::MAP ? 2 : 1;
        if (count > limits_.elements) return fail(decode_error::too_many_elements);
        if (count * least > left() - head_bytes) return fail(decode_error::truncated);
        out = {type, 0, count, nullptr};
        at_ += head_bytes;
        return true;
    };

    if (head <= 0x7f) return scalar(msgpack::type::POSITIVE_INTEGER, head, 1);
    if (head >= 0xe0) return whole(static_cast<std::int8_t>(head), 1);
    if (head <= 0x8f) return container(msgpack::type::MAP, 1, head & 0x0fU);
    if (head <= 0x9f) return container(msgpack::type::ARRAY, 1, head & 0x0fU);
    if (head <= 0xbf) return bytes(msgpack::type::STR, 1, head & 0x1fU);

    // From 0xc0 to 0xdf: the bytes that the head takes, itself included.
    static constexpr std::array<std::uint8_t, 32> head_bytes = {
        1, 0, 1, 1, 2, 3, 5, 2, 3, 5, 5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 1, 1, 1, 1, 1, 2, 3, 5, 3, 5, 3, 5};
    const std::size_t need = head_bytes[head - 0xc0U];
    if (left() < need) return fail(decode_error::truncated);
    const auto* const operand = at_ + 1;
    switch (head) {
        case 0xc0:
            return scalar(msgpack::type::NIL, 0, need);
        case 0xc2:
            return scalar(msgpack::type::BOOLEAN, 0, need);
        case 0xc3:
            return scalar(msgpack::type::BOOLEAN, 1, need);
        case 0xc4:
            return bytes(msgpack::type::BIN, need, *operand);
        case 0xc5:
            return bytes(msgpack::type::BIN, need, load<std::uint16_t>(operand));
        case 0xc6:
            return bytes(msgpack::type::BIN, need, load<std::uint32_t>(operand));
        case 0xc7:
            return bytes(msgpack::type::EXT, need, *operand);
        case 0xc8:
            return bytes(msgpack::type::EXT, need, load<std::uint16_t>(operand));
        case 0xc9:
            return bytes(msgpack::type::EXT, need, load<std::uint32_t>(operand));
        case 0xca: {
            const double widened = std::bit_cast<float>(load<std::uint32_t>(operand));
            return scalar(msgpack::type::FLOAT32, std::bit_cast<std::uint64_t>(widened), need);
        }
        case 0xcb:
            return scalar(msgpack::type::FLOAT64, load<std::uint64_t>(operand), need);
        case 0xcc:
            return scalar(msgpack::type::POSITIVE_INTEGER, *operand, need);
        case 0xcd:
            return scalar(msgpack::type::POSITIVE_INTEGER, load<std::uint16_t>(operand), need);
        case 0xce:
            return scalar(msgpack::type::POSITIVE_INTEGER, load<std::uint32_t>(operand), need);
        case 0xcf:
            return scalar(msgpack::type::POSITIVE_INTEGER, load<std::uint64_t>(operand), need);
        case 0xd0:
            return whole(static_cast<std::int8_t>(*operand), need);
        case 0xd1:
            return whole(static_cast<std::int16_t>(load<std::uint16_t>(operand)), need);
        case 0xd2:
            return whole(static_cast<std::int32_t>(load<std::uint32_t>(operand)), need);
        case 0xd3:
            return whole(static_cast<std::int64_t>(load<std::uint64_t>(operand)), need);
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            return bytes(msgpack::type::EXT, need, std::size_t{1} << (head - 0xd4U));
        case 0xd9:
            return bytes(msgpack::type::STR, need, *operand);
        case 0xda:
            return bytes(msgpack::type::STR, need, load<std::uint16_t>(operand));
        case 0xdb:
            return bytes(msgpack::type::STR, need, load<std::uint32_t>(operand));
        case 0xdc:
            return container(msgpack::type::ARRAY, need, load<std::uint16_t>(operand));
        case 0xdd:
            return container(msgpack::type::ARRAY, need, load<std::uint32_t>(operand));
        case 0xde:
            return container(msgpack::type::MAP, need, load<std::uint16_t>(operand));
        case 0xdf:
            return container(msgpack::type::MAP, need, load<std::uint32_t>(operand));
        default:
            return fail(decode_error::malformed);
    }
}

bool msgpack_reader::skip_one() noexcept {
    const auto* const start = at_;
    msgpack_token got;
    if (!token(got)) return false;
    if (got.type != msgpack::type::ARRAY && got.type != msgpack::type::MAP) return true;
    if (depth_left_ == 0) return fail_at(start, decode_error::too_deep);
    --depth_left_;
    const std::size_t count = got.type == msgpack::type::MAP ? std::size_t{got.size} * 2 : got.size;
    for (std::size_t i = 0; i < count; ++i) {
        if (!skip_one()) return false;
    }
    return leave();
}

bool msgpack_reader::skip() noexcept {
    return skip_one();
}

bool msgpack_reader::skip(std::uint32_t count) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) {
        if (!skip_one()) return false;
    }
    return true;
}

bool msgpack_reader::tree(msgpack::object& out) {
    if (!zone_) zone_.emplace();
    return grow_tree(out);
}

bool msgpack_reader::grow_tree(msgpack::object& out) {
    const auto* const start = at_;
    msgpack_token got;
    if (!token(got)) return false;
    out.type = got.type;
    switch (got.type) {
        case msgpack::type::NIL:
            return true;
        case msgpack::type::BOOLEAN:
            out.via.boolean = got.number != 0;
            return true;
        case msgpack::type::POSITIVE_INTEGER:
            out.via.u64 = got.number;
            return true;
        case msgpack::type::NEGATIVE_INTEGER:
            out.via.i64 = static_cast<std::int64_t>(got.number);
            return true;
        case msgpack::type::FLOAT32:
        case msgpack::type::FLOAT64:
            out.via.f64 = std::bit_cast<double>(got.number);
            return true;
        case msgpack::type::STR:
            out.via.str = {got.size, reinterpret_cast<const char*>(got.data)};
            return true;
        case msgpack::type::BIN:
            out.via.bin = {got.size, reinterpret_cast<const char*>(got.data)};
            return true;
        case msgpack::type::EXT:
            out.via.ext.size = got.size;
            out.via.ext.ptr = reinterpret_cast<const char*>(got.data);
            return true;
        case msgpack::type::ARRAY:
        case msgpack::type::MAP:
            break;
    }
    if (depth_left_ == 0) return fail_at(start, decode_error::too_deep);
    --depth_left_;

    const auto elements = [&]<class Element>(Element* none) -> Element* {
        if (got.size == 0) return none;
        if (!charge(got.size, sizeof(Element))) {
            at_ = start;
            return nullptr;
        }
        auto* const all =
            static_cast<Element*>(zone_->allocate_align(got.size * sizeof(Element), alignof(Element)));
        return std::uninitialized_default_construct_n(all, got.size) - got.size;
    };
    if (got.type == msgpack::type::ARRAY) {
        out.via.array = {got.size, elements(&nothing.key)};
        if (out.via.array.ptr == nullptr) return false;
        for (std::uint32_t i = 0; i < got.size; ++i) {
            if (!grow_tree(out.via.array.ptr[i])) return false;
        }
    } else {
        out.via.map = {got.size, elements(&nothing)};
        if (out.via.map.ptr == nullptr) return false;
        for (std::uint32_t i = 0; i < got.size; ++i) {
            if (!grow_tree(out.via.map.ptr[i].key) || !grow_tree(out.via.map.ptr[i].val)) return false;
        }
    }
    return leave();
}

bool msgpack_reader::index(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto* const start = at_;
        msgpack_token key;
        if (!token(key)) return false;
        pair found{{}, nullptr};
        if (key.type == msgpack::type::STR) {
            found.key = {reinterpret_cast<const char*>(key.data), key.size};
        } else {
            at_ = start;
            if (!skip()) return false;
        }
        found.value = at_;
        if (!skip()) return false;
        pairs_.push_back(found);
    }
    return true;
}

}  // namespace detail
}  // namespace leat

#pragma once

#include "leat/detail/msgpack_values.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace leat::detail {

/// What an element takes from the memory that a frame may unfold to. A deque allocates when it is made.
template <class Element>
inline constexpr std::size_t footprint = sizeof(Element);
template <class Element, class Allocator>
inline constexpr std::size_t footprint<std::deque<Element, Allocator>> = sizeof(std::deque<Element>) + 576;

/// What a node of a list, set or map takes beside its element.
inline constexpr std::size_t node_bytes = 32;

template <class Element>
inline constexpr bool is_octet =
    std::same_as<Element, char> || std::same_as<Element, unsigned char> || std::same_as<Element, std::byte>;

/// Reads `count` elements at the end of `out`, which grows no faster than they come.
template <class Sequence>
bool append_elements(msgpack_reader& reader, Sequence& out, std::uint32_t count) {
    using element = typename Sequence::value_type;
    static_assert(std::default_initializable<element>, "an element is made first and then read into");
    const msgpack_reader::fresh_scope scope{reader};
    for (std::uint32_t i = 0; i < count; ++i) {
        if (!read_value<element>(reader, out.emplace_back())) return false;
    }
    return true;
}

template <class Element, class Allocator>
struct value_reader<std::vector<Element, Allocator>> {
    static bool read(msgpack_reader& reader, std::vector<Element, Allocator>& out) {
        if constexpr (is_octet<Element>) {
            std::string_view bytes;
            if (!reader.text(bytes)) return false;
            const auto* const first = reinterpret_cast<const Element*>(bytes.data());
            out.assign(first, first + bytes.size());
            return true;
        } else {
            std::uint32_t count = 0;
            const auto* const start = reader.at();
            if (!reader.enter_array(count)) return false;
            if (!reader.charge(count, footprint<Element>)) return reader.fail_at(start, reader.error());
            return read_elements(reader, out, count) && reader.leave();
        }
    }

private:
    static bool read_elements(msgpack_reader& reader, std::vector<Element, Allocator>& out,
                              std::uint32_t count) {
        if constexpr (std::same_as<Element, bool>) {
            out.resize(count);
            for (std::uint32_t i = 0; i < count; ++i) {
                bool bit = false;
                if (!reader.boolean(bit)) return false;
                out[i] = bit;
            }
            return true;
        } else {
            if (reader.fresh()) out.clear();
            if (count < out.size()) out.erase(out.begin() + count, out.end());
            // Room for all at once, unless that is more than the frame itself takes.
            out.reserve(
                std::min<std::size_t>(count, std::max<std::size_t>(reader.left() / sizeof(Element), 16)));
            for (auto& element : out) {
                if (!read_value(reader, element)) return false;
            }
            return append_elements(reader, out, count - static_cast<std::uint32_t>(out.size()));
        }
    }
};

template <class Sequence>
struct sequence_reader {
    static bool read(msgpack_reader& reader, Sequence& out) {
        using element = typename Sequence::value_type;
        std::uint32_t count = 0;
        const auto* const start = reader.at();
        if (!reader.enter_array(count)) return false;
        if (!reader.charge(count, footprint<element> + node_bytes))
            return reader.fail_at(start, reader.error());
        out.clear();
        return append_elements(reader, out, count) && reader.leave();
    }
};

template <class Element, class Allocator>
struct value_reader<std::deque<Element, Allocator>> : sequence_reader<std::deque<Element, Allocator>> {};
template <class Element, class Allocator>
struct value_reader<std::list<Element, Allocator>> : sequence_reader<std::list<Element, Allocator>> {};

template <class Set>
struct set_reader {
    static bool read(msgpack_reader& reader, Set& out) {
        using element = typename Set::value_type;
        static_assert(std::default_initializable<element>, "an element is made first and then read into");
        std::uint32_t count = 0;
        const auto* const start = reader.at();
        if (!reader.enter_array(count)) return false;
        if (!reader.charge(count, footprint<element> + node_bytes))
            return reader.fail_at(start, reader.error());
        out.clear();
        const msgpack_reader::fresh_scope scope{reader};
        for (std::uint32_t i = 0; i < count; ++i) {
            element value{};
            if (!read_value(reader, value)) return false;
            out.insert(out.end(), std::move(value));
        }
        return reader.leave();
    }
};

template <class... Parts>
struct value_reader<std::set<Parts...>> : set_reader<std::set<Parts...>> {};
template <class... Parts>
struct value_reader<std::multiset<Parts...>> : set_reader<std::multiset<Parts...>> {};
template <class... Parts>
struct value_reader<std::unordered_set<Parts...>> : set_reader<std::unordered_set<Parts...>> {};
template <class... Parts>
struct value_reader<std::unordered_multiset<Parts...>> : set_reader<std::unordered_multiset<Parts...>> {};

template <class Map>
struct map_reader {
    static bool read(msgpack_reader& reader, Map& out) {
        using key_type = typename Map::key_type;
        using mapped_type = typename Map::mapped_type;
        static_assert(std::default_initializable<key_type> && std::default_initializable<mapped_type>,
                      "a key and its value are made first and then read into");
        std::uint32_t count = 0;
        const auto* const start = reader.at();
        if (!reader.enter_map(count)) return false;
        if (!reader.charge(count, footprint<key_type> + footprint<mapped_type> + node_bytes))
            return reader.fail_at(start, reader.error());
        out.clear();
        const msgpack_reader::fresh_scope scope{reader};
        for (std::uint32_t i = 0; i < count; ++i) {
            key_type key{};
            mapped_type value{};
            if (!read_value(reader, key) || !read_value(reader, value)) return false;
            if constexpr (requires { out.insert_or_assign(out.end(), std::move(key), std::move(value)); })
                out.insert_or_assign(out.end(), std::move(key), std::move(value));
            else
                out.emplace_hint(out.end(), std::move(key), std::move(value));
        }
        return reader.leave();
    }
};

template <class... Parts>
struct value_reader<std::map<Parts...>> : map_reader<std::map<Parts...>> {};
template <class... Parts>
struct value_reader<std::multimap<Parts...>> : map_reader<std::multimap<Parts...>> {};
template <class... Parts>
struct value_reader<std::unordered_map<Parts...>> : map_reader<std::unordered_map<Parts...>> {};
template <class... Parts>
struct value_reader<std::unordered_multimap<Parts...>> : map_reader<std::unordered_multimap<Parts...>> {};

/// Reads into the `size` elements at `out`. Fewer in the frame leave the rest at their defaults, more are
/// refused.
template <class Element>
bool read_fixed(msgpack_reader& reader, Element* out, std::size_t size) {
    const auto* const start = reader.at();
    std::size_t count = 0;
    if constexpr (is_octet<Element>) {
        std::string_view bytes;
        if (!reader.text(bytes)) return false;
        count = bytes.size();
        if (count > size) return reader.fail_at(start, decode_error::out_of_range);
        if (count != 0) std::memcpy(out, bytes.data(), count);
    } else {
        std::uint32_t entered = 0;
        if (!reader.enter_array(entered)) return false;
        count = entered;
        if (count > size) return reader.fail_at(start, decode_error::out_of_range);
        for (std::size_t i = 0; i < count; ++i) {
            if (!read_value(reader, out[i])) return false;
        }
        reader.leave();
    }
    return count == size || reader.missing();
}

template <class Element, std::size_t Size>
struct value_reader<std::array<Element, Size>> {
    static bool read(msgpack_reader& reader, std::array<Element, Size>& out) {
        return read_fixed(reader, out.data(), Size);
    }
};

template <class Element, std::size_t Size>
struct value_reader<Element[Size]> {
    static bool read(msgpack_reader& reader, Element (&out)[Size]) { return read_fixed(reader, out, Size); }
};

/// Packed up to its first zero, so what follows is zero again.
template <std::size_t Size>
struct value_reader<char[Size]> {
    static bool read(msgpack_reader& reader, char (&out)[Size]) {
        const auto* const start = reader.at();
        std::string_view bytes;
        if (!reader.text(bytes)) return false;
        if (bytes.size() > Size) return reader.fail_at(start, decode_error::out_of_range);
        const auto rest = std::copy(bytes.begin(), bytes.end(), out);
        std::fill(rest, out + Size, '\0');
        return true;
    }
};

template <class First, class Second>
struct value_reader<std::pair<First, Second>> {
    static bool read(msgpack_reader& reader, std::pair<First, Second>& out) {
        const auto* const start = reader.at();
        std::uint32_t count = 0;
        if (!reader.enter_array(count)) return false;
        if (count != 2) return reader.fail_at(start, decode_error::wrong_type);
        return read_value(reader, out.first) && read_value(reader, out.second) && reader.leave();
    }
};

template <class... Elements>
struct value_reader<std::tuple<Elements...>> {
    static bool read(msgpack_reader& reader, std::tuple<Elements...>& out) {
        std::uint32_t count = 0;
        if (!reader.enter_array(count)) return false;
        const auto next = [&](auto& element) {
            if (count == 0) return reader.missing();
            --count;
            return read_value(reader, element);
        };
        const bool all = std::apply([&](auto&... elements) { return (next(elements) && ...); }, out);
        return all && reader.skip(count) && reader.leave();
    }
};

template <class Value>
struct value_reader<std::optional<Value>> {
    static bool read(msgpack_reader& reader, std::optional<Value>& out) {
        if (reader.take_nil()) {
            out.reset();
            return true;
        }
        if (out && !reader.fresh()) return read_value(reader, *out);
        out.emplace();
        const msgpack_reader::fresh_scope scope{reader};
        return read_value(reader, *out);
    }
};

template <class Pointer, class Value>
bool read_pointee(msgpack_reader& reader, Pointer& out, std::unique_ptr<Value> made) {
    const msgpack_reader::fresh_scope scope{reader};
    if (!read_value(reader, *made)) return false;
    out = std::move(made);
    return true;
}

template <class Value>
struct value_reader<std::unique_ptr<Value>> {
    static bool read(msgpack_reader& reader, std::unique_ptr<Value>& out) {
        out.reset();
        if (reader.take_nil()) return true;
        return reader.charge(1, sizeof(Value)) && read_pointee(reader, out, std::make_unique<Value>());
    }
};

template <class Value>
struct value_reader<std::shared_ptr<Value>> {
    static bool read(msgpack_reader& reader, std::shared_ptr<Value>& out) {
        out.reset();
        if (reader.take_nil()) return true;
        return reader.charge(1, sizeof(Value)) && read_pointee(reader, out, std::make_unique<Value>());
    }
};

}  // namespace leat::detail

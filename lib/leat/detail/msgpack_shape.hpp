#pragma once

#include "leat/detail/msgpack_packer.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <source_location>
#include <string_view>
#include <type_traits>

namespace leat {

/// Specialize to true for a type that must be decoded by its own `msgpack_unpack`, through msgpack-cxx's
/// objects.
///
/// leat finds out by itself when a type's functions were written by hand. It cannot when `msgpack_pack` was
/// left to `msgpack::type::make_define_array` or `_map` and only `msgpack_unpack` does something more, such
/// as a check.
template <class Value>
inline constexpr bool convert_with_msgpack = false;

namespace detail {

/// How the fields of a type are read.
enum class msgpack_shape : std::uint8_t {
    opaque,  ///< by the type's own converter
    array,   ///< in place, from an array
    map,     ///< in place, from a map
};

/// Collects what a type's `msgpack_pack` does, to tell whether one of the library's macros wrote it.
class shape_visitor {
public:
    shape_visitor(const void* object, std::size_t size)
        : object_(static_cast<const char*>(object)), size_(size) {}

    void begin_array(std::uint32_t count, std::source_location where) {
        begin(msgpack_shape::array, count, where, "cpp11_define_array.hpp");
    }
    void begin_map(std::uint32_t count, std::source_location where) {
        begin(msgpack_shape::map, std::size_t{count} * 2, where, "cpp11_define_map.hpp");
    }
    template <class Value>
    void field(const Value& value, std::source_location where) {
        sound_ = sound_ && begun_ && seen_ < expected_ && is_from(where, header_);
        const bool is_key = shape_ == msgpack_shape::map && seen_ % 2 == 0;
        sound_ = sound_ && (is_key ? is_name(value) : is_inside(&value, sizeof value));
        ++seen_;
    }
    void other() { sound_ = false; }

    [[nodiscard]] msgpack_shape shape() const {
        return sound_ && begun_ && seen_ == expected_ ? shape_ : msgpack_shape::opaque;
    }

private:
    void begin(msgpack_shape shape, std::size_t expected, std::source_location where,
               std::string_view header) {
        sound_ = sound_ && !begun_ && is_from(where, header);
        begun_ = true;
        shape_ = shape;
        expected_ = expected;
        header_ = header;
    }
    [[nodiscard]] static bool is_from(std::source_location where, std::string_view header) {
        return std::string_view{where.file_name()}.ends_with(header);
    }
    [[nodiscard]] bool is_inside(const void* field, std::size_t size) const {
        const std::less_equal<const char*> not_after;
        const auto* const first = static_cast<const char*>(field);
        return not_after(object_, first) && not_after(first + size, object_ + size_);
    }
    template <class Key>
    static bool is_name(const Key&) {
        return std::convertible_to<const Key&, std::string_view>;
    }
    template <std::size_t Size>
    static bool is_name(const char (&key)[Size]) {
        return std::strlen(key) == Size - 1;
    }

    const char* object_;
    std::size_t size_;
    msgpack_shape shape_ = msgpack_shape::opaque;
    std::string_view header_;
    std::size_t expected_ = 0;
    std::size_t seen_ = 0;
    bool begun_ = false;
    bool sound_ = true;
};

/// Of the macros' three functions, the last is a template for any pointer. Few that are written by hand are.
template <class Value>
concept has_macro_functions =
    std::is_class_v<Value> && !convert_with_msgpack<Value> && std::default_initializable<Value> &&
    std::is_move_assignable_v<Value> &&
    requires(Value& value, const Value& constant, msgpack::packer<field_stream<shape_visitor>>& packer,
             const msgpack::object& tree, shape_visitor* any, msgpack::zone& zone) {
        constant.msgpack_pack(packer);
        value.msgpack_unpack(tree);
        constant.msgpack_object(any, zone);
    };

template <class Value>
msgpack_shape find_shape() noexcept {
    try {
        const auto sample = std::make_unique<Value>();
        shape_visitor visitor{sample.get(), sizeof(Value)};
        visit_fields(std::as_const(*sample), visitor);
        if (visitor.shape() != msgpack_shape::opaque) {
            // A converter that asks for more than the macros' do is likely to refuse a value without fields.
            msgpack::object bare;
            if (visitor.shape() == msgpack_shape::array) {
                bare.type = msgpack::type::ARRAY;
                bare.via.array = {0, nullptr};
            } else {
                bare.type = msgpack::type::MAP;
                bare.via.map = {0, nullptr};
            }
            sample->msgpack_unpack(bare);
        }
        return visitor.shape();
    } catch (...) {
        return msgpack_shape::opaque;
    }
}

/// Found once for each type, from a value that is made for it. Any thread may ask.
template <class Value>
msgpack_shape shape_of() noexcept {
    static const msgpack_shape shape = find_shape<Value>();
    return shape;
}

}  // namespace detail
}  // namespace leat

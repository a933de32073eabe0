#pragma once

#include "leat/detail/msgpack_reader.hpp"
#include "leat/detail/msgpack_shape.hpp"

#include <chrono>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>

namespace leat::detail {

/// Reads one value into `out`. Specialized for what can be read in place; any other type goes through
/// `read_fields` or through msgpack-cxx's own conversion.
template <class Value>
struct value_reader;

template <class Value>
bool read_value(msgpack_reader& reader, Value& out) {
    return value_reader<Value>::read(reader, out);
}

/// True for what msgpack-cxx's conversion overwrites as a whole, so that nothing of an earlier value stays.
template <class Value>
inline constexpr bool converts_whole = !std::is_class_v<Value>;
template <>
inline constexpr bool converts_whole<msgpack::object> = true;
template <>
inline constexpr bool converts_whole<msgpack::type::nil_t> = true;
template <>
inline constexpr bool converts_whole<msgpack::type::ext> = true;
template <>
inline constexpr bool converts_whole<msgpack::type::ext_ref> = true;
template <>
inline constexpr bool converts_whole<msgpack::type::v4raw_ref> = true;
template <>
inline constexpr bool converts_whole<std::wstring> = true;
template <class Part>
inline constexpr bool converts_whole<std::complex<Part>> = true;
template <class Clock, class Duration>
inline constexpr bool converts_whole<std::chrono::time_point<Clock, Duration>> = true;

/// The general way: builds msgpack-cxx's object of the value and has it converted.
template <class Value>
bool read_converted(msgpack_reader& reader, Value& out) {
    if constexpr (!converts_whole<Value>) {
        if (!reader.missing()) return false;
    }
    const auto* const start = reader.at();
    msgpack::object tree;
    if (!reader.tree(tree)) return false;
    try {
        if constexpr (msgpack::has_as<Value>::value)
            out = tree.as<Value>();
        else
            tree.convert(out);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (...) {
        const bool number = std::is_enum_v<Value> && (tree.type == msgpack::type::POSITIVE_INTEGER ||
                                                      tree.type == msgpack::type::NEGATIVE_INTEGER);
        return reader.fail_at(start, number ? decode_error::out_of_range : decode_error::wrong_type);
    }
    return true;
}

/// Reads each field in turn from an array that was entered.
class array_visitor {
public:
    array_visitor(msgpack_reader& reader, std::uint32_t left) : reader_(reader), left_(left) {}

    void begin_array(std::uint32_t, std::source_location) {}
    void begin_map(std::uint32_t, std::source_location) {}
    void other() {}
    template <class Field>
    void field(const Field& field, std::source_location) {
        if (!good_) return;
        if (left_ == 0) {
            good_ = reader_.missing();
            return;
        }
        --left_;
        good_ = read_value(reader_, const_cast<Field&>(field));
    }

    bool finish() { return good_ && reader_.skip(left_) && reader_.leave(); }

private:
    msgpack_reader& reader_;
    std::uint32_t left_;
    bool good_ = true;
};

/// What the two visitors of a map share: fields come as a name and then a value.
template <class Visitor>
class map_visitor {
public:
    void begin_array(std::uint32_t, std::source_location) {}
    void other() {}
    template <class Field>
    [[gnu::always_inline]] void field(const Field& field, std::source_location) {
        at_name_ = !at_name_;
        if (!good_) return;
        if (at_name_)
            self().value(const_cast<Field&>(field));
        else if constexpr (std::convertible_to<const Field&, std::string_view>)
            self().name(name_of(field));
    }

protected:
    bool good_ = true;

private:
    template <class Name>
    static std::string_view name_of(const Name& name) {
        return name;
    }
    template <std::size_t Size>
    static std::string_view name_of(const char (&name)[Size]) {
        return {name, Size - 1};
    }
    Visitor& self() { return static_cast<Visitor&>(*this); }

    bool at_name_ = true;
};

/// Reads a map whose keys are those of the fields, in their order.
class ordered_visitor : public map_visitor<ordered_visitor> {
public:
    ordered_visitor(msgpack_reader& reader, std::uint32_t pairs) : reader_(reader), pairs_(pairs) {}

    void begin_map(std::uint32_t fields, std::source_location) { good_ = fields == pairs_; }

    [[gnu::always_inline]] void name(std::string_view name) {
        if (reader_.take_name(name)) return;
        good_ = false;
    }
    template <class Field>
    void value(Field& field) {
        touched_ = true;
        good_ = read_value(reader_, field);
    }

    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool touched() const { return touched_; }

private:
    msgpack_reader& reader_;
    std::uint32_t pairs_;
    bool touched_ = false;
};

/// Reads a map from the places of its pairs: keys in any order, unknown ones left out, the last of equal ones
/// taken.
class indexed_visitor : public map_visitor<indexed_visitor> {
public:
    indexed_visitor(msgpack_reader& reader, std::size_t first, std::size_t last)
        : reader_(reader), first_(first), last_(last) {}

    void begin_map(std::uint32_t, std::source_location) {}

    void name(std::string_view name) {
        const auto& pairs = reader_.pairs();
        value_ = nullptr;
        for (auto i = last_; i != first_; --i) {
            if (pairs[i - 1].key == name && pairs[i - 1].key.data() != nullptr) {
                value_ = pairs[i - 1].value;
                return;
            }
        }
    }
    template <class Field>
    void value(Field& field) {
        if (value_ == nullptr) {
            good_ = reader_.missing();
            return;
        }
        reader_.move_to(value_);
        good_ = read_value(reader_, field);
    }

    [[nodiscard]] bool good() const { return good_; }

private:
    msgpack_reader& reader_;
    std::size_t first_;
    std::size_t last_;
    const std::uint8_t* value_ = nullptr;
};

template <class Value>
bool read_indexed(msgpack_reader& reader, Value& out, std::uint32_t count) {
    const auto first = reader.pairs().size();
    if (!reader.index(count)) return false;
    const auto* const end = reader.at();
    indexed_visitor visitor{reader, first, reader.pairs().size()};
    visit_fields(std::as_const(out), visitor);
    if (!visitor.good()) return false;
    reader.pairs().resize(first);
    reader.move_to(end);
    return reader.leave();
}

/// Reads the fields of a struct that one of the library's macros describes, in place.
template <class Value>
bool read_fields(msgpack_reader& reader, Value& out, msgpack_shape shape) {
    std::uint32_t count = 0;
    if (shape == msgpack_shape::array) {
        if (!reader.enter_array(count)) return false;
        array_visitor visitor{reader, count};
        visit_fields(std::as_const(out), visitor);
        return visitor.finish();
    }
    if (!reader.enter_map(count)) return false;
    if (reader.in_order()) {
        ordered_visitor visitor{reader, count};
        visit_fields(std::as_const(out), visitor);
        if (visitor.good()) return reader.leave();
        if (reader.error() != decode_error::none) return false;
        // Reading only this map again would, for maps inside maps, double the work at each level.
        if (visitor.touched()) return reader.out_of_order();
    }
    return read_indexed(reader, out, count);
}

template <class Value>
struct value_reader {
    static bool read(msgpack_reader& reader, Value& out) {
        if constexpr (std::same_as<Value, bool>) {
            return reader.boolean(out);
        } else if constexpr (std::integral<Value>) {
            return reader.integer(out);
        } else if constexpr (std::same_as<Value, float> || std::same_as<Value, double>) {
            return reader.floating(out);
        } else if constexpr (has_macro_functions<Value>) {
            const auto shape = shape_of<Value>();
            if (shape != msgpack_shape::opaque) [[likely]]
                return read_fields(reader, out, shape);
            return read_converted(reader, out);
        } else {
            return read_converted(reader, out);
        }
    }
};

template <>
struct value_reader<std::byte> {
    static bool read(msgpack_reader& reader, std::byte& out) {
        unsigned char number = 0;
        if (!reader.integer(number)) return false;
        out = static_cast<std::byte>(number);
        return true;
    }
};

template <>
struct value_reader<std::string_view> {
    static bool read(msgpack_reader& reader, std::string_view& out) { return reader.text(out); }
};

template <>
struct value_reader<std::string> {
    static bool read(msgpack_reader& reader, std::string& out) {
        std::string_view text;
        if (!reader.text(text)) return false;
        out.assign(text);
        return true;
    }
};

template <>
struct value_reader<msgpack::type::raw_ref> {
    static bool read(msgpack_reader& reader, msgpack::type::raw_ref& out) {
        if (reader.at_string()) return reader.fail(decode_error::wrong_type);
        std::string_view text;
        if (!reader.text(text)) return false;
        out = {text.data(), static_cast<std::uint32_t>(text.size())};
        return true;
    }
};

}  // namespace leat::detail

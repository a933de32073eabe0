#pragma once

#include <msgpack.hpp>

#include <cstddef>
#include <cstdint>
#include <source_location>

namespace leat::detail {

/// In the place of a stream: a packer over it writes nothing, and tells `Visitor` of each field of a struct
/// instead.
///
/// `Visitor` has `begin_array(count, where)`, `begin_map(count, where)`, `field(value, where)` and `other()`,
/// which is for any call that the library's own struct macros do not make. `where` is the source line of the
/// call.
template <class Visitor>
struct field_stream {
    Visitor& visitor;
    void write(const char*, std::size_t) { visitor.other(); }
};

}  // namespace leat::detail

/// The packer that a type's own `msgpack_pack` meets when its fields are visited: all that the library's
/// packer has.
template <class Visitor>
class msgpack::v1::packer<leat::detail::field_stream<Visitor>> {
    using place = std::source_location;

public:
    explicit packer(Visitor& visitor) : visitor_(visitor) {}

    packer& pack_array(std::uint32_t count, place where = place::current()) {
        visitor_.begin_array(count, where);
        return *this;
    }
    packer& pack_map(std::uint32_t count, place where = place::current()) {
        visitor_.begin_map(count, where);
        return *this;
    }
    template <class Value>
    [[gnu::always_inline]] packer& pack(const Value& value, place where = place::current()) {
        visitor_.field(value, where);
        return *this;
    }

    packer& pack_uint8(std::uint8_t) { return other(); }
    packer& pack_uint16(std::uint16_t) { return other(); }
    packer& pack_uint32(std::uint32_t) { return other(); }
    packer& pack_uint64(std::uint64_t) { return other(); }
    packer& pack_int8(std::int8_t) { return other(); }
    packer& pack_int16(std::int16_t) { return other(); }
    packer& pack_int32(std::int32_t) { return other(); }
    packer& pack_int64(std::int64_t) { return other(); }
    packer& pack_fix_uint8(std::uint8_t) { return other(); }
    packer& pack_fix_uint16(std::uint16_t) { return other(); }
    packer& pack_fix_uint32(std::uint32_t) { return other(); }
    packer& pack_fix_uint64(std::uint64_t) { return other(); }
    packer& pack_fix_int8(std::int8_t) { return other(); }
    packer& pack_fix_int16(std::int16_t) { return other(); }
    packer& pack_fix_int32(std::int32_t) { return other(); }
    packer& pack_fix_int64(std::int64_t) { return other(); }
    packer& pack_char(char) { return other(); }
    packer& pack_wchar(wchar_t) { return other(); }
    packer& pack_signed_char(signed char) { return other(); }
    packer& pack_short(short) { return other(); }
    packer& pack_int(int) { return other(); }
    packer& pack_long(long) { return other(); }
    packer& pack_long_long(long long) { return other(); }
    packer& pack_unsigned_char(unsigned char) { return other(); }
    packer& pack_unsigned_short(unsigned short) { return other(); }
    packer& pack_unsigned_int(unsigned int) { return other(); }
    packer& pack_unsigned_long(unsigned long) { return other(); }
    packer& pack_unsigned_long_long(unsigned long long) { return other(); }
    packer& pack_float(float) { return other(); }
    packer& pack_double(double) { return other(); }
    packer& pack_nil() { return other(); }
    packer& pack_true() { return other(); }
    packer& pack_false() { return other(); }
    packer& pack_str(std::uint32_t) { return other(); }
    packer& pack_str_body(const char*, std::uint32_t) { return other(); }
    packer& pack_v4raw(std::uint32_t) { return other(); }
    packer& pack_v4raw_body(const char*, std::uint32_t) { return other(); }
    packer& pack_bin(std::uint32_t) { return other(); }
    packer& pack_bin_body(const char*, std::uint32_t) { return other(); }
    packer& pack_ext(std::size_t, std::int8_t) { return other(); }
    packer& pack_ext_body(const char*, std::uint32_t) { return other(); }

private:
    packer& other() {
        visitor_.other();
        return *this;
    }

    Visitor& visitor_;
};

namespace leat::detail {

/// Calls `visitor` for each field of `value`, in their declared order.
template <class Value, class Visitor>
void visit_fields(const Value& value, Visitor& visitor) {
    msgpack::packer<field_stream<Visitor>> packer{visitor};
    value.msgpack_pack(packer);
}

}  // namespace leat::detail

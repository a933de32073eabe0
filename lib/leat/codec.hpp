#pragma once

#include "leat/buffer.hpp"
#include "leat/detail/msgpack_containers.hpp"
#include "leat/detail/msgpack_limits.hpp"

#include <msgpack.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace leat {

/// Appends `value` to `out` as one msgpack object. Several calls make a batch: objects back to back, which
/// any language's streaming unpacker reads.
///
/// `Value` is anything that msgpack-cxx packs: a struct with MSGPACK_DEFINE_MAP (fields can be added and
/// removed anywhere) or MSGPACK_DEFINE (smaller, and fields can be added at the end), numbers, strings,
/// containers, enums.
/// @throws std::bad_alloc, msgpack::container_size_overflow beyond 4 GiB, or what a hand-written
///         `msgpack_pack` throws; `out` then holds what it held before
template <class Value>
[[gnu::flatten]] void encode(const Value& value, buffer& out) {
    // Flattened because GCC would otherwise call the packer for each field, at four times the cost.
    const auto before = out.size();
    try {
        msgpack::packer<buffer>{out}.pack(value);
    } catch (...) {
        out.truncate(before);
        throw;
    }
}

/// Reads the objects of one frame, which holds any number of them back to back.
///
/// Structs of MSGPACK_DEFINE and MSGPACK_DEFINE_MAP, numbers, strings and standard containers are read
/// straight into place. A struct takes frames of older and newer versions of itself: what the frame does not
/// have keeps its default, what the struct does not have is stepped over. A map's keys may come in any order,
/// and the last of equal ones counts. A map with exactly the declared keys in the declared order costs at
/// most about twice what an array does, any other three to seven times. Every other type that msgpack-cxx
/// knows is decoded by its own converter (see `convert_with_msgpack`).
///
/// Nothing that a frame holds makes it throw or takes more memory than `decode_limits` and the frame's size
/// allow. It throws std::bad_alloc when memory runs out, and what a value's own constructor throws. Strings
/// are not checked to be UTF-8.
///
/// Refers to the frame, which must outlive it and all that was decoded to views: std::string_view,
/// msgpack::type::raw_ref. A msgpack::object inside a value lasts until the following call of `next`. For
/// one thread at a time; never blocks.
template <class Value>
class decoder {
public:
    explicit decoder(std::span<const std::byte> frame, const decode_limits& limits = {}) noexcept
        : reader_(frame, limits) {}

    /// Decodes the next object into `out`. False at the end of the frame and after an error, which ends the
    /// frame for this decoder. What `out` held before is of no account: a field that the frame lacks gets the
    /// value that a new `Value{}` has. Strings and vectors of `out` keep their room, so using one `out` for
    /// many objects is the fastest. After an error `out` holds some valid value.
    [[nodiscard]] bool next(Value& out) {
        if (reader_.error() != decode_error::none || reader_.at_end()) return false;
        reader_.begin_object();
        do {
            if constexpr (std::default_initializable<Value> && std::is_move_assignable_v<Value>) {
                if (reader_.fresh()) out = Value{};
            }
            if (detail::read_value(reader_, out)) return true;
        } while (reader_.begin_again());
        return false;
    }

    /// Why `next` returned false: `none` at the end of the frame.
    [[nodiscard]] decode_error error() const noexcept { return reader_.error(); }

    /// Bytes of the frame that were decoded; after an error, where the value at fault begins.
    [[nodiscard]] std::size_t offset() const noexcept { return reader_.offset(); }

private:
    detail::msgpack_reader reader_;
};

/// Decodes a frame that holds exactly one object; bytes after it are `malformed`, and no byte at all is
/// `truncated`. Everything else is as in `decoder`, except that `out` cannot hold a msgpack::object, which
/// would not last.
template <class Value>
[[nodiscard]] decode_error decode(std::span<const std::byte> frame, Value& out,
                                  const decode_limits& limits = {}) {
    static_assert(!std::same_as<Value, msgpack::object>, "the object would refer to memory that is gone");
    decoder<Value> objects{frame, limits};
    if (!objects.next(out)) return frame.empty() ? decode_error::truncated : objects.error();
    return objects.offset() == frame.size() ? decode_error::none : decode_error::malformed;
}

}  // namespace leat

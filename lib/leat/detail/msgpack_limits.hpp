#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace leat {

/// What a decoder takes from a peer. The defaults suit a peer that is not trusted.
///
/// Beside these, a container never claims more elements than the frame has bytes left, a map two bytes a
/// pair.
struct decode_limits {
    /// Arrays and maps inside each other; 1 allows `[1, 2]`, 2 allows `[[1], 2]`. More than 1024 counts as
    /// 1024.
    std::size_t depth = 32;
    /// Elements of one array, or pairs of one map.
    std::size_t elements = 1'000'000;
    /// Bytes of one string.
    std::size_t string_bytes = std::size_t{16} << 20;
    /// Bytes of one binary or extension.
    std::size_t binary_bytes = std::size_t{16} << 20;
    /// What the elements of the containers of a frame may take in memory, in bytes for each byte of the
    /// frame, beyond a first MiB. No complete value of common types comes near it; a list of structs that the
    /// frame gives as empty ones does. Reported as `too_many_elements`.
    std::size_t expansion = 64;
};

/// Why a frame was refused.
enum class decode_error : std::uint8_t {
    none,        ///< it was not
    truncated,   ///< the frame ends inside a value, or is shorter than what it claims to hold
    malformed,   ///< a byte that msgpack never uses, or bytes left after the one object
    wrong_type,  ///< a value of another kind than the field's, or one that the field's own converter refused
    out_of_range,       ///< a number, or the length of a fixed array, that the field cannot hold
    too_deep,           ///< more containers inside each other than `decode_limits::depth`
    too_many_elements,  ///< a container beyond `decode_limits::elements` or `expansion`
    too_long,           ///< a string or binary beyond `decode_limits::string_bytes` or `binary_bytes`
};

/// The name of `error`, with spaces: "out of range".
[[nodiscard]] std::string_view to_string(decode_error error) noexcept;

}  // namespace leat

#pragma once

#include <leat/buffer.hpp>

#include <msgpack.hpp>

#include <cstddef>
#include <string>
#include <string_view>

// JSON as the command's text form of msgpack.
//
//   msgpack            JSON
//   nil, bool          null, true, false
//   integer            the same number, exactly
//   float              the shortest number that reads back as it, always with a point or exponent; null for
//   NaN and infinity str                a string; bytes that are not UTF-8 become U+FFFD bin {"base64":
//   "..."} ext                {"ext": type, "base64": "..."} array, map         the same; a key that is not a
//   string is written as its JSON text in a string
//
// JSON to msgpack goes the same way, except that no JSON makes a bin or an ext.

namespace leat::command {

/// Nested deeper, JSON is refused: what `leat::decode_limits` lets in by default.
inline constexpr std::size_t json_depth = 32;

/// Appends one JSON value to `out` as a msgpack object.
/// @throws failure saying what is wrong and at which byte; `out` then holds what it held before
void json_to_msgpack(std::string_view text, buffer& out);

/// Appends `value` to `out` as JSON without any white space.
void msgpack_to_json(const msgpack::object& value, std::string& out);

}  // namespace leat::command

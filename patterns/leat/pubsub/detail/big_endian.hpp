#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Numbers in frames, most significant byte first.

namespace leat::detail {

[[nodiscard]] inline std::uint8_t swapped(std::uint8_t value) noexcept {
    return value;
}
[[nodiscard]] inline std::uint32_t swapped(std::uint32_t value) noexcept {
    return __builtin_bswap32(value);
}
[[nodiscard]] inline std::uint64_t swapped(std::uint64_t value) noexcept {
    return __builtin_bswap64(value);
}

template <class Number>
void put(std::byte* to, Number value) noexcept {
    if constexpr (std::endian::native == std::endian::little) value = swapped(value);
    std::memcpy(to, &value, sizeof value);
}

template <class Number>
[[nodiscard]] Number get(const std::byte* from) noexcept {
    Number value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (std::endian::native == std::endian::little) value = swapped(value);
    return value;
}

}  // namespace leat::detail

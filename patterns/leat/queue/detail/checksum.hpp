#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leat::detail::queueing {

/// XXH64 with seed 0 (Collet, "xxHash fast digest algorithm", version 0.1.1). Finds damage, not forgery.
[[nodiscard]] std::uint64_t checksum(std::span<const std::byte> bytes) noexcept;

}  // namespace leat::detail::queueing

#pragma once

#include <leat/buffer.hpp>
#include <leat/queue/queue_types.hpp>

#include <chrono>
#include <cstdint>
#include <span>

namespace leat::detail {

inline constexpr std::uint64_t longest_ms = 3'000'000'000'000;  // 95 years, so that sums do not overflow

/// Rounded up, and not negative.
[[nodiscard]] std::uint64_t ms_of(std::chrono::nanoseconds t);

/// True for a message that has nothing to say beside its body.
[[nodiscard]] bool is_plain(const put_options& how);

/// A message's attributes as they travel (wire::attributes), and back.
void write_attributes(const put_options& how, buffer& to);
[[nodiscard]] put_options read_attributes(std::span<const std::byte> head);

}  // namespace leat::detail

#pragma once

#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <string_view>

namespace leat::detail::queueing {

/// SipHash-2-4 with a 128-bit result (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and
/// the authors' 128-bit variant). Keyed, so a peer cannot choose keys or ids that collide.
[[nodiscard]] id128 sip_hash(const id128& key, std::string_view text) noexcept;

}  // namespace leat::detail::queueing

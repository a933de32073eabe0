#pragma once

#include <leat/queue/queue_types.hpp>

#include <string>
#include <string_view>

namespace leat::detail {

/// An id as the 16 bytes that travel, and back; what has another size is no id: zero.
[[nodiscard]] std::string octets_of(const id128& id);
[[nodiscard]] id128 id_of(std::string_view octets) noexcept;

}  // namespace leat::detail

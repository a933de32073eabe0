#pragma once

#include <leat/queue/dead_letter.hpp>
#include <leat/queue/detail/wire_admin.hpp>

#include <span>

namespace leat::detail {

/// What travels of those who look into a queue, as they see it.
[[nodiscard]] waiting_message shown(const wire::waiting& one, std::span<const std::byte> body);
[[nodiscard]] dead_letter shown(const wire::letter& one, std::span<const std::byte> body);

/// @throws leat::error (`errc::bad_option`)
[[nodiscard]] wire::selection selected(const letter_selection& which);

}  // namespace leat::detail

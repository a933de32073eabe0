#pragma once

#include <leat/queue/detail/wire_admin.hpp>
#include <leat/queue/queue_stat.hpp>

namespace leat::detail {

/// What a queue is doing as it travels, and back. Figures that are not known are 0.
[[nodiscard]] wire::status status_of(const queue_stat& stat);
[[nodiscard]] queue_stat stat_of(const wire::status& frame);

}  // namespace leat::detail

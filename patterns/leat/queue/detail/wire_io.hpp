#pragma once

#include <leat/buffer.hpp>
#include <leat/queue/detail/wire.hpp>
#include <leat/queue/detail/wire_admin.hpp>

#include <span>

// Writing and reading the header frames and the attributes, compiled once.

namespace leat::detail::wire {

template <class Frame>
void write(const Frame& frame, buffer& to);

/// What any frame begins with.
struct beginning {
    head at;
    MSGPACK_DEFINE(at)
};

/// False for what is not one whole object of that kind, or breaks a limit.
template <class Frame>
[[nodiscard]] bool read(std::span<const std::byte> from, Frame& frame);

}  // namespace leat::detail::wire

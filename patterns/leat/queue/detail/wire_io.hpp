#pragma once

#include <leat/buffer.hpp>
#include <leat/queue/detail/wire.hpp>

#include <span>

// Writing and reading the header frames, compiled once.

namespace leat::detail::wire {

void write(const hello& frame, buffer& to);
void write(const put& frame, buffer& to);
void write(const credit& frame, buffer& to);
void write(const settle& frame, buffer& to);
void write(const extend& frame, buffer& to);
void write(const ping& frame, buffer& to);
void write(const bye& frame, buffer& to);
void write(const welcome& frame, buffer& to);
void write(const confirm& frame, buffer& to);
void write(const refuse& frame, buffer& to);
void write(const grant& frame, buffer& to);
void write(const deliver& frame, buffer& to);
void write(const settled& frame, buffer& to);
void write(const pong& frame, buffer& to);
void write(const status& frame, buffer& to);
void write(const error& frame, buffer& to);
void write(const attributes& what, buffer& to);

/// What any frame begins with.
struct beginning {
    head at;
    MSGPACK_DEFINE(at)
};

// False for what is not one whole object of that kind, or breaks a limit.
[[nodiscard]] bool read(std::span<const std::byte> from, beginning& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, hello& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, put& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, credit& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, settle& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, extend& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, ping& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, stat& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, welcome& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, confirm& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, refuse& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, grant& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, deliver& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, settled& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, lost& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, error& frame);
[[nodiscard]] bool read(std::span<const std::byte> from, attributes& what);

}  // namespace leat::detail::wire

#include <leat/queue/detail/wire_io.hpp>

namespace leat::detail::wire {
namespace {

template <class Frame>
bool read_one(std::span<const std::byte> from, Frame& frame) {
    return decode(from, frame, header_limits()) == decode_error::none;
}

}  // namespace

void write(const hello& frame, buffer& to) {
    encode(frame, to);
}
void write(const put& frame, buffer& to) {
    encode(frame, to);
}
void write(const credit& frame, buffer& to) {
    encode(frame, to);
}
void write(const settle& frame, buffer& to) {
    encode(frame, to);
}
void write(const extend& frame, buffer& to) {
    encode(frame, to);
}
void write(const ping& frame, buffer& to) {
    encode(frame, to);
}
void write(const bye& frame, buffer& to) {
    encode(frame, to);
}
void write(const welcome& frame, buffer& to) {
    encode(frame, to);
}
void write(const confirm& frame, buffer& to) {
    encode(frame, to);
}
void write(const refuse& frame, buffer& to) {
    encode(frame, to);
}
void write(const grant& frame, buffer& to) {
    encode(frame, to);
}
void write(const deliver& frame, buffer& to) {
    encode(frame, to);
}
void write(const settled& frame, buffer& to) {
    encode(frame, to);
}
void write(const pong& frame, buffer& to) {
    encode(frame, to);
}
void write(const status& frame, buffer& to) {
    encode(frame, to);
}
void write(const error& frame, buffer& to) {
    encode(frame, to);
}
void write(const attributes& what, buffer& to) {
    encode(what, to);
}

bool read(std::span<const std::byte> from, beginning& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, hello& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, put& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, credit& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, settle& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, extend& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, ping& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, stat& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, welcome& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, confirm& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, refuse& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, grant& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, deliver& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, settled& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, lost& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, error& frame) {
    return read_one(from, frame);
}
bool read(std::span<const std::byte> from, attributes& what) {
    return read_one(from, what);
}

}  // namespace leat::detail::wire

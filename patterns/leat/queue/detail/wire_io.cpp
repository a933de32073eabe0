#include <leat/queue/detail/wire_io.hpp>

namespace leat::detail::wire {

template <class Frame>
void write(const Frame& frame, buffer& to) {
    encode(frame, to);
}

template <class Frame>
bool read(std::span<const std::byte> from, Frame& frame) {
    return decode(from, frame, header_limits()) == decode_error::none;
}

template void write(const hello&, buffer&);
template void write(const put&, buffer&);
template void write(const credit&, buffer&);
template void write(const settle&, buffer&);
template void write(const extend&, buffer&);
template void write(const ping&, buffer&);
template void write(const stat&, buffer&);
template void write(const need&, buffer&);
template void write(const resume&, buffer&);
template void write(const bye&, buffer&);
template void write(const peek&, buffer&);
template void write(const letters&, buffer&);
template void write(const operate&, buffer&);
template void write(const welcome&, buffer&);
template void write(const confirm&, buffer&);
template void write(const refuse&, buffer&);
template void write(const grant&, buffer&);
template void write(const deliver&, buffer&);
template void write(const settled&, buffer&);
template void write(const lost&, buffer&);
template void write(const pong&, buffer&);
template void write(const status&, buffer&);
template void write(const error&, buffer&);
template void write(const messages&, buffer&);
template void write(const dead&, buffer&);
template void write(const done&, buffer&);
template void write(const state&, buffer&);
template void write(const attributes&, buffer&);

template bool read(std::span<const std::byte>, beginning&);
template bool read(std::span<const std::byte>, answer_beginning&);
template bool read(std::span<const std::byte>, hello&);
template bool read(std::span<const std::byte>, put&);
template bool read(std::span<const std::byte>, credit&);
template bool read(std::span<const std::byte>, settle&);
template bool read(std::span<const std::byte>, extend&);
template bool read(std::span<const std::byte>, ping&);
template bool read(std::span<const std::byte>, stat&);
template bool read(std::span<const std::byte>, need&);
template bool read(std::span<const std::byte>, resume&);
template bool read(std::span<const std::byte>, bye&);
template bool read(std::span<const std::byte>, peek&);
template bool read(std::span<const std::byte>, letters&);
template bool read(std::span<const std::byte>, operate&);
template bool read(std::span<const std::byte>, welcome&);
template bool read(std::span<const std::byte>, confirm&);
template bool read(std::span<const std::byte>, refuse&);
template bool read(std::span<const std::byte>, grant&);
template bool read(std::span<const std::byte>, deliver&);
template bool read(std::span<const std::byte>, settled&);
template bool read(std::span<const std::byte>, lost&);
template bool read(std::span<const std::byte>, pong&);
template bool read(std::span<const std::byte>, status&);
template bool read(std::span<const std::byte>, error&);
template bool read(std::span<const std::byte>, messages&);
template bool read(std::span<const std::byte>, dead&);
template bool read(std::span<const std::byte>, done&);
template bool read(std::span<const std::byte>, state&);
template bool read(std::span<const std::byte>, attributes&);

}  // namespace leat::detail::wire

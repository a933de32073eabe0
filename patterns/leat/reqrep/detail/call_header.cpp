#include <leat/reqrep/detail/call_header.hpp>

#include <leat/codec.hpp>

#include <chrono>

namespace leat::detail {
message write_header(const call_header& header, buffer& scratch) {
    scratch.clear();
    if (header.what() == call_kind::request) {
        encode(header, scratch);
    } else {
        encode(answer_header{header}, scratch);
    }
    return message{scratch.view()};
}

bool read_header(const message& frame, call_header& out) {
    // An array whose first element is the protocol's name: cheaper to see than to decode.
    constexpr std::size_t shortest = 8;
    const auto text = frame.text();
    if (text.size() < shortest || text[1] != '\xa3' || text.substr(2, 3) != call_header::protocol)
        return false;
    constexpr decode_limits limits{
        .depth = 4, .elements = 32, .string_bytes = longest_method, .binary_bytes = 64};
    out = call_header{};
    return decode(frame.view(), out, limits) == decode_error::none && out.magic == call_header::protocol;
}

std::uint32_t wall_clock_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace leat::detail

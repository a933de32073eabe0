#include <leat/reqrep/detail/failure_body.hpp>

#include <leat/buffer.hpp>
#include <leat/codec.hpp>

#include <string>

namespace leat::detail {
namespace {

constexpr std::size_t longest_text = 4096;

template <class Text>
struct code_and_text {
    std::int32_t code = 0;
    Text text;
    MSGPACK_DEFINE(code, text)
};

}  // namespace

message write_failure(std::int32_t code, std::string_view text) {
    buffer out;
    encode(code_and_text<std::string_view>{code, text.substr(0, longest_text)}, out);
    return message{out.view()};
}

bool read_failure(const message& body, call_failure& out) {
    code_and_text<std::string> both;
    if (decode(body.view(), both, {.depth = 4, .elements = 16, .string_bytes = longest_text}) !=
        decode_error::none)
        return false;
    out = {both.code, std::move(both.text)};
    return true;
}

}  // namespace leat::detail

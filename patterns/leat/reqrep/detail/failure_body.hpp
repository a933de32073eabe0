#pragma once

#include <leat/message.hpp>
#include <leat/reqrep/answer.hpp>

#include <cstdint>
#include <string_view>

namespace leat::detail {

/// The body of an error reply: [code, text], the text cut after 4096 bytes.
[[nodiscard]] message write_failure(std::int32_t code, std::string_view text);

/// @returns false when `body` is none
[[nodiscard]] bool read_failure(const message& body, call_failure& out);

}  // namespace leat::detail

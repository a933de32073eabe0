#include "intake.hpp"

#include "parse.hpp"

namespace leat::command {

std::string intake::received(std::uint64_t printed) const {
    return "received " + format_number(printed) + (counts() ? " of " + format_number(count) : "");
}

std::string intake::timed_out(std::uint64_t printed) const {
    return "timed out: no message for " + format_duration(*with.timeout) + "; " + received(printed);
}

void add_intake(CLI::App& sub, intake& to, const std::string& at_count) {
    add_peers(sub, to.with, "End with status 3 when no message has come for so long (500ms, 2s, 1m)",
              "How long what has arrived may take to be printed after a signal (1s)");
    add_value(sub, "-n,--count", "N", at_count,
              [&to](const auto& text) { to.count = parse_count("--count", text); });
}

std::optional<std::string> msgpack_fault(const decoder<msgpack::object>& objects, bool any) {
    auto error = objects.error();
    if (!any && error == decode_error::none) error = decode_error::truncated;
    if (error == decode_error::none) return std::nullopt;
    return std::string{to_string(error)} + " at byte " + std::to_string(objects.offset());
}

}  // namespace leat::command

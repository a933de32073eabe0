#include <leat/forwarder/relay_report.hpp>

#include <string_view>

namespace leat {
namespace {

std::string_view to_string(relay_report::ending how) {
    switch (how) {
        case relay_report::ending::stopped:
            return "stopped";
        case relay_report::ending::closed:
            return "its context was closed";
        case relay_report::ending::failed:
            return "failed";
    }
    return "unknown";
}

}  // namespace

std::string relay_report::text() const {
    std::string line = name + ": " + std::string{to_string(ended)};
    if (!failure.empty()) line += " (" + failure + ")";
    line += "; " + std::to_string(moved) + " moved";
    const auto add = [&line](std::uint64_t n, std::string_view what) {
        if (n != 0) line += ", " + std::to_string(n) + " " + std::string{what};
    };
    add(returned, "returned");
    add(left, "left");
    add(unsent, "unsent");
    add(peer_gone, "replies dropped: peer gone");
    add(peer_full, "replies dropped: peer full");
    add(capture_dropped, "not captured");
    return line;
}

}  // namespace leat

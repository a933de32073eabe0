#include <leat/endpoint.hpp>

#include <leat/error.hpp>

#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace leat {
namespace {

constexpr std::size_t max_ipc_path = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t max_inproc_name = 255;

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw error{errc::bad_endpoint, "endpoint '" + std::string{text} + "': " + why};
}

bool is_loopback(std::string_view host) {
    return host.starts_with("127.") || host == "[::1]" || host == "localhost";
}

}  // namespace

endpoint::endpoint(std::string_view text) : text_(text) {
    constexpr std::string_view tcp = "tcp://", ipc = "ipc://", inproc = "inproc://";
    const auto bad = [](char c) { return c == '\0' || c == '\n' || c == '\r'; };
    if (std::any_of(text.begin(), text.end(), bad)) refuse(text, "contains a control character");
    if (text.starts_with(tcp)) {
        parse_tcp(text.substr(tcp.size()));
    } else if (text.starts_with(ipc)) {
        via_ = transport::ipc;
        const auto path = text.substr(ipc.size());
        if (path.empty()) refuse(text, "has no path; write ipc:///run/name.sock");
        if (path.size() > max_ipc_path) {
            refuse(text, "the path has " + std::to_string(path.size()) + " bytes; the system allows " +
                             std::to_string(max_ipc_path));
        }
        wildcard_ = path == "*";
    } else if (text.starts_with(inproc)) {
        via_ = transport::inproc;
        const auto name = text.substr(inproc.size());
        if (name.empty()) refuse(text, "has no name; write inproc://name");
        if (name.size() > max_inproc_name) refuse(text, "the name is longer than 255 bytes");
    } else {
        refuse(text, "must begin with tcp://, ipc:// or inproc://");
    }
}

void endpoint::parse_tcp(std::string_view address) {
    const auto colon = address.rfind(':');
    if (colon == std::string_view::npos || colon < address.rfind(']') + 1) {
        refuse(text_, "has no port; write tcp://host:port");
    }
    const auto host = address.substr(0, colon);
    const auto port = address.substr(colon + 1);
    if (host.empty())
        refuse(text_, "has no host; write tcp://host:port, or tcp://*:port to bind every interface");
    if (host.find(':') != std::string_view::npos && !(host.starts_with('[') && host.ends_with(']'))) {
        refuse(text_, "an IPv6 host goes in brackets: tcp://[::1]:port");
    }
    if (host.find_first_of(" \t/") != std::string_view::npos) {
        refuse(text_, "host '" + std::string{host} + "' has a space or slash in it");
    }
    if (port != "*") {
        unsigned number = 0;
        const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (failed != std::errc{} || end != port.data() + port.size() || number < 1 || number > 65535) {
            refuse(text_, "port " + std::string{port} + " is not 1-65535" +
                              (port.empty() || number == 0 ? " (to bind any free one, write *)" : ""));
        }
    }
    wildcard_ = host == "*" || port == "*";
    local_ = is_loopback(host);
}

}  // namespace leat

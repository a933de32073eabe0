#include "peers.hpp"

#include "parse.hpp"

#include <algorithm>

namespace leat::command {

void peers::check() const {
    if (bind.empty() && connect.empty())
        throw usage_error{"needs an endpoint: --connect tcp://HOST:PORT, or --bind tcp://127.0.0.1:PORT"};
    for (const auto& at : bind) check_bind("--bind", at, insecure);
    for (const auto& to : connect) check_connect("--connect", to);
}

void check_bind(const std::string& option, const endpoint& at, bool insecure, const std::string& how) {
    if (at.is_local() || insecure) return;
    throw usage_error{option + " " + at.str() + ": other machines could reach it; bind 127.0.0.1, or " + how +
                      " to let them"};
}

void check_connect(const std::string& option, const endpoint& to) {
    if (!to.is_wildcard()) return;
    throw usage_error{option + " " + to.str() +
                      ": a * can only be bound; name the host and port of the other side"};
}

std::chrono::milliseconds parse_linger(std::string_view option, std::string_view text) {
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(parse_duration(option, text));
    if (time > std::chrono::hours{1})
        throw usage_error{std::string{option} + " '" + std::string{text} + "': is longer than 1h"};
    return time;
}

void add_peers(CLI::App& sub, peers& to, const std::string& timeout, const std::string& linger) {
    add_values(sub, "-c,--connect", "ENDPOINT", "Connect to it (tcp://host:port or ipc:///path); repeatable",
               [&to](const auto& text) { to.connect.push_back(parse_endpoint("--connect", text)); });
    add_values(sub, "-b,--bind", "ENDPOINT", "Let others connect to it; port * takes a free one; repeatable",
               [&to](const auto& text) { to.bind.push_back(parse_endpoint("--bind", text)); });
    add_flag(sub, "--insecure", to.insecure, "Allow a bind that other machines can reach");
    add_flag(
        sub, "-0,--null", [&to] { to.delimiter = '\0'; }, "Messages end with NUL instead of a newline");
    add_flag(sub, "--json", to.json, "Messages are msgpack on the wire, and JSON here");
    add_value(sub, "--timeout", "TIME", timeout,
              [&to](const auto& text) { to.timeout = parse_duration("--timeout", text); });
    add_value(sub, "--linger", "TIME", linger,
              [&to](const auto& text) { to.linger = parse_linger("--linger", text); });
}

void tell_bound(console& err, const endpoints& asked, const endpoints& bound) {
    for (std::size_t i = 0; i < asked.size() && i < bound.size(); ++i) {
        if (asked[i].is_wildcard()) err.say("bound to " + bound[i].str());
    }
}

}  // namespace leat::command

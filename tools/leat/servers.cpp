#include "servers.hpp"

#include "parse.hpp"
#include "peers.hpp"

namespace leat::command {

void servers::check() const {
    if (connect.empty() && bind.empty()) throw usage_error{"needs a server: --connect tcp://HOST:PORT"};
    for (const auto& to : connect) check_connect("--connect", to);
    for (const auto& at : bind) check_bind("--bind", at, insecure);
}

void add_servers(CLI::App& sub, servers& to) {
    add_values(sub, "-c,--connect", "ENDPOINT", "A server (tcp://host:port or ipc:///path); repeatable",
               [&to](const auto& text) { to.connect.push_back(parse_endpoint("--connect", text)); });
    add_values(sub, "-b,--bind", "ENDPOINT", "Let servers connect to it (leat rep --join); repeatable",
               [&to](const auto& text) { to.bind.push_back(parse_endpoint("--bind", text)); });
    add_flag(sub, "--insecure", to.insecure, "Allow a bind that other machines can reach");
    add_value(sub, "--timeout", "TIME", "How long each call may take in all (10s)",
              [&to](const auto& text) { to.timeout = parse_duration("--timeout", text); });
}

exit_code code_of(call_status how) noexcept {
    switch (how) {
        case call_status::answered:
            return exit_code::done;
        case call_status::timed_out:
        case call_status::no_server:
            return exit_code::timed_out;
        default:
            return exit_code::failed;
    }
}

}  // namespace leat::command

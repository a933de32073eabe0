#include "relay_table.hpp"

#include "parse.hpp"
#include "peers.hpp"
#include "relay_sides.hpp"

#include <chrono>
#include <utility>

namespace leat::command {
namespace {

constexpr const char* kinds = "pull and push, sub and pub, or router and dealer";

/// Reads the endpoints of a side.
void read_side(config_table& from, std::string_view key, relay_options::side& to, bool insecure,
               config_endpoints& bound) {
    from.texts(key, [&](const std::string& text, std::size_t line) {
        const std::string name{key};
        relay_options::side one;
        add_endpoint(one, name, text);
        for (const auto& at : one.bind) {
            check_bind(name, at, insecure, "set insecure = true");
            bound.bind(at, config_endpoints::owner::relay, line);
        }
        to.bind.insert(to.bind.end(), one.bind.begin(), one.bind.end());
        to.connect.insert(to.connect.end(), one.connect.begin(), one.connect.end());
    });
}

/// Reads the two sides; false when they do not make a relay.
bool read_sides(config_table& from, relay_options& to, bool insecure, config_endpoints& bound) {
    const relay_sides* chosen = nullptr;
    bool good = true;
    for (const auto& sides : all_relay_sides) {
        relay_options::side in, out;
        read_side(from, sides.in, in, insecure, bound);
        read_side(from, sides.out, out, insecure, bound);
        const bool has_in = from.has(sides.in), has_out = from.has(sides.out);
        if (!has_in && !has_out) continue;
        const auto& given = has_in ? sides.in : sides.out;
        if (chosen != nullptr) {
            from.refuse(given, std::string{given} + " beside " +
                                   std::string{from.has(chosen->in) ? chosen->in : chosen->out} +
                                   "; a relay has one pair: " + kinds);
            return false;
        }
        chosen = &sides;
        if (!has_in || !has_out) {
            const auto& lacking = has_in ? sides.out : sides.in;
            from.refuse(given, std::string{given} + " needs " + std::string{lacking} +
                                   " as well: where messages come from and where they go");
            good = false;
        }
        to.kind = sides.kind;
        to.in = std::move(in);
        to.out = std::move(out);
    }
    if (chosen == nullptr) from.refuse({}, std::string{"a relay needs two sides: "} + kinds);
    return good && chosen != nullptr;
}

}  // namespace

relay_options read_relay(config_table& from, config_endpoints& bound) {
    relay_options to;
    from.text("name", [&](const auto& name) {
        if (name.find(' ') != std::string::npos || name.size() > 255)
            throw usage_error{"name is " + in_quotes(name) +
                              "; a relay's name is one word of at most 255 bytes"};
        to.name = name;
    });
    bool insecure = false;
    from.flag("insecure", [&](bool is) { insecure = is; });
    const bool joined = read_sides(from, to, insecure, bound);
    read_side(from, "capture", to.capture, insecure, bound);
    auto drain = to.drain;
    from.duration("drain", [&](auto time) {
        if (time > std::chrono::hours{1})
            throw usage_error{"drain is " + format_duration(time) + "; it is at most 1h"};
        drain = std::chrono::ceil<std::chrono::milliseconds>(time);
    });
    set_sockets(to, insecure, drain);
    if (joined && !to.in.empty() && !to.out.empty()) from.guard({}, [&] { to.check(); });
    from.size("coalesce", [&](auto bytes) {
        to.coalesce = bytes;
        if (joined) to.check();
    });
    if (to.name.empty()) to.name = to_string(to.kind);
    return to;
}

}  // namespace leat::command

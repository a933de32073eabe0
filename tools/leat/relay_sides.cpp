#include "relay_sides.hpp"

#include "parse.hpp"
#include "peers.hpp"

namespace leat::command {

void add_endpoint(relay_options::side& to, const std::string& option, std::string_view text) {
    constexpr std::string_view connect = "connect:", bind = "bind:";
    if (text.starts_with(connect)) {
        to.connect.push_back(parse_endpoint(option, text.substr(connect.size())));
        check_connect(option, to.connect.back());
    } else {
        to.bind.push_back(parse_endpoint(option, text.substr(text.starts_with(bind) ? bind.size() : 0)));
    }
}

void set_sockets(relay_options& all, bool insecure, std::chrono::milliseconds drain) {
    all.drain = drain;
    for (auto* side : {&all.in, &all.out, &all.capture}) {
        side->socket.insecure = insecure;
        side->socket.linger = drain;
    }
}

void tell(console& err, const relay& one) {
    const auto& o = one.options();
    auto text = o.name;
    const auto add = [&](std::string_view what, const endpoints& bound, const endpoints& connected) {
        const auto name = " --" + std::string{what} + " ";
        for (const auto& at : bound) text += name + at.str();
        for (const auto& to : connected) text += name + "connect:" + to.str();
    };
    const auto& sides = all_relay_sides[static_cast<std::size_t>(o.kind)];
    add(sides.in, one.in_endpoints(), o.in.connect);
    add(sides.out, one.out_endpoints(), o.out.connect);
    add("capture", one.capture_endpoints(), o.capture.connect);
    err.say(text);
}

}  // namespace leat::command

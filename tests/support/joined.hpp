#pragma once

#include <leat/context.hpp>
#include <leat/socket.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace support {

using namespace std::chrono_literals;

/// Longer than anything that works takes, on a machine with much else to do.
inline constexpr auto patience = 20s;

/// An inproc endpoint that no other test of this program uses.
inline leat::endpoint fresh_inproc() {
    static int last = 0;
    return leat::endpoint{"inproc://test-" + std::to_string(++last)};
}

/// `"tcp"`, `"ipc"` or `"inproc"` as an endpoint to bind.
inline leat::endpoint any_endpoint(const std::string& transport) {
    if (transport == "tcp") return leat::endpoint{"tcp://127.0.0.1:*"};
    if (transport == "ipc") return leat::endpoint{"ipc://*"};
    return fresh_inproc();
}

/// Two sockets of one context, joined; there once both sides know that they are.
struct joined {
    leat::socket binder;
    leat::socket connector;
    leat::endpoint at;

    joined(leat::context& ctx, leat::role binds, leat::role connects,
           leat::socket_options binder_options = {}, leat::socket_options connector_options = {},
           const std::string& transport = "tcp")
        : binder(ctx, binds, std::move(binder_options)),
          connector(ctx, connects, std::move(connector_options)),
          at(binder.bind(any_endpoint(transport))) {
        connector.connect(at);
        REQUIRE(connector.wait_connected(1, patience) == leat::status::ok);
        REQUIRE(binder.wait_connected(1, patience) == leat::status::ok);
    }
};

/// Sends `text` as one frame.
[[nodiscard]] inline leat::status send(leat::socket& s, std::string_view text,
                                       leat::deadline until = patience) {
    leat::message m{text};
    return s.send(m, until);
}

/// The next frame as text, or why there is none in angle brackets.
[[nodiscard]] inline std::string receive(leat::socket& s, leat::deadline until = patience) {
    leat::message m;
    const auto why = s.receive(m, until);
    return why == leat::status::ok ? std::string{m.text()} : "<" + std::string{to_string(why)} + ">";
}

}  // namespace support

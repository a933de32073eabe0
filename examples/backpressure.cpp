// A pusher never drops and never grows without bound: when its peer does not read, it says so.

#include <leat/leat.hpp>

#include <iostream>

using namespace std::chrono_literals;

int main() {
    leat::context ctx;
    const leat::socket_options small{.send_bytes = 128u << 10, .receive_bytes = 64u << 10};
    leat::puller<leat::bytes> in{ctx, {.bind = "tcp://127.0.0.1:*", .socket = small}};
    leat::pusher<leat::bytes> out{ctx, {.connect = in.bound()[0], .socket = small}};
    if (out.wait_ready(1, 5s) != leat::status::ok) return 1;

    // Nobody reads: sends are accepted until every bound on the way is reached.
    std::uint64_t accepted = 0;
    while (out.send(leat::bytes{std::size_t{4096}}, 1s) == leat::status::ok) ++accepted;
    std::cout << "a send with a deadline: " << to_string(out.send(leat::bytes{"x"}, 10ms)) << "\n"
              << "a send that may not wait: " << (out.try_send(leat::bytes{"x"}) ? "accepted" : "refused")
              << "\n";

    // Reading makes room again, and nothing that was accepted is lost.
    std::uint64_t read = 0;
    while (read < accepted && in.receive(5s)) ++read;
    std::cout << "all that was accepted arrived: " << (read == accepted ? "yes" : "no") << "\n"
              << "now: " << to_string(out.send(leat::bytes{"x"}, 5s)) << "\n";
}

// Prints:
// a send with a deadline: timeout
// a send that may not wait: refused
// all that was accepted arrived: yes
// now: ok

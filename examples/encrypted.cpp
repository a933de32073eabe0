// CURVE: encrypted, and only for those who know the server's public key. With it, binding beyond loopback is
// allowed.

#include <leat/leat.hpp>

#include <iostream>

using namespace std::chrono_literals;

struct note {
    std::string text;
    MSGPACK_DEFINE_MAP(text)
};

int main() {
    const auto server =
        leat::curve_keys::generate();  // made once, the secret half kept in a file of mode 600
    const auto client = leat::curve_keys::generate();

    leat::context ctx;
    leat::puller<note> in{
        ctx, {.bind = "tcp://127.0.0.1:*", .socket = {.server = leat::curve_server{server.secret_key}}}};
    leat::pusher<note> out{
        ctx, {.connect = in.bound()[0], .socket = {.client = leat::curve_client{client, server.public_key}}}};
    if (out.send({"for your eyes only"}, 5s) != leat::status::ok) return 1;
    if (auto got = in.receive(5s)) std::cout << got->text << "\n";

    leat::pusher<note> plain{ctx, {.connect = in.bound()[0], .socket = {.linger = 0ms}}};
    std::cout << "without keys: " << to_string(plain.wait_ready(1, 300ms)) << "\n";
}

// Prints:
// for your eyes only
// without keys: timeout

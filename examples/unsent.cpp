// Shutdown has a deadline, and says what could not be sent.

#include <leat/leat.hpp>

#include <iostream>

using namespace std::chrono_literals;

struct note {
    std::string text;
    MSGPACK_DEFINE_MAP(text)
};

int main() {
    leat::context ctx{
        {.on_warning = [](const std::string& line) { std::cout << "warning: " << line << "\n"; }}};
    {
        // Port 1 of this machine: nobody listens there.
        leat::pusher<note> out{ctx, {.connect = "tcp://127.0.0.1:1", .socket = {.linger = 100ms}}};
        for (int i = 0; i < 3; ++i) {
            if (out.send({"into the void"}, 1s) != leat::status::ok) return 1;
        }
    }
    const auto report = ctx.close(5s);
    std::cout << "lost: " << report.messages_lost() << "\n";
}

// Prints:
// warning: push tcp://127.0.0.1:1: 3 messages were accepted and not handed to a peer
// lost: 3

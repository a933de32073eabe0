// Who is connected, and what has happened: no sleeping until "it should be up by now".

#include <leat/leat.hpp>

#include <iostream>
#include <optional>

using namespace std::chrono_literals;

struct note {
    std::string text;
    MSGPACK_DEFINE_MAP(text)
};

int main() {
    leat::context ctx;
    leat::pusher<note> out{ctx, {.bind = "tcp://127.0.0.1:*"}};
    std::cout << "nobody yet: " << to_string(out.wait_ready(1, 50ms)) << "\n";

    std::optional<leat::puller<note>> first, second;
    first.emplace(ctx, leat::pull_options{.connect = out.bound()[0]});
    second.emplace(ctx, leat::pull_options{.connect = out.bound()[0]});
    std::cout << "both: " << to_string(out.wait_ready(2, 5s)) << "\n";

    first.reset();
    while (out.peers().connected() > 1) static_cast<void>(out.wait_ready(3, 10ms));
    for (const auto& event : out.peers().take()) std::cout << to_string(event.what) << "\n";
}

// Prints:
// nobody yet: timeout
// both: ok
// connected
// connected
// disconnected

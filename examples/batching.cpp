// Many small messages in few frames. A frame goes out when it is full, or when its first message has waited 1
// ms.

#include <leat/leat.hpp>

#include <iostream>

using namespace std::chrono_literals;

struct tick {
    std::uint64_t number = 0;
    double price = 0;
    MSGPACK_DEFINE(number, price)  // the array form: half of the map form's cost
};

int main() {
    leat::context ctx;
    leat::puller<tick> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<tick> out{ctx,
                           {.connect = in.bound()[0], .batch = {.bytes = leat::full_batch, .delay = 1ms}}};

    constexpr std::uint64_t count = 100'000;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (out.send({i, 1.5}, 5s) != leat::status::ok) return 1;
    }

    tick got;  // used again for each message: the fastest way to receive
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (in.receive(got, 5s) != leat::status::ok) return 1;
        sum += got.number;
    }
    const auto frames = out.counts().batches_sent.value();
    std::cout << "sum " << sum << "\n"
              << "at least 1,000 messages a frame: " << (frames * 1000 <= count ? "yes" : "no") << "\n";
}

// Prints:
// sum 4999950000
// at least 1,000 messages a frame: yes

// Many senders, one relay, one receiver: senders and receivers know the relay's address only, not each
// other's.

#include <leat/leat.hpp>

#include <iostream>
#include <thread>

using namespace std::chrono_literals;

struct reading {
    int sensor = 0;
    int value = 0;
    MSGPACK_DEFINE_MAP(sensor, value)
};

int main() {
    leat::context ctx;
    std::stop_source stop;
    leat::relay relay{ctx,
                      {.in = {.bind = "tcp://127.0.0.1:*"},
                       .out = {.bind = "tcp://127.0.0.1:*"},
                       .coalesce = leat::full_batch}};
    std::jthread running{[&] { std::cout << relay.run(stop.get_token()).text() << "\n"; }};

    std::vector<std::jthread> sensors;
    for (int sensor = 1; sensor <= 4; ++sensor) {
        sensors.emplace_back([&, sensor] {
            leat::pusher<reading> out{ctx, {.connect = relay.in_endpoints()[0]}};
            for (int value = 1; value <= 1000; ++value) {
                if (out.send({sensor, value}, 5s) != leat::status::ok) return;
            }
        });
    }

    leat::puller<reading> in{ctx, {.connect = relay.out_endpoints()[0]}};
    int sum = 0;
    for (int i = 0; i < 4000; ++i) {
        if (auto got = in.receive(5s)) sum += got->value;
    }
    std::cout << "sum " << sum << "\n";
    stop.request_stop();
}

// Prints:
// sum 2002000
// streamer: stopped; 4000 moved

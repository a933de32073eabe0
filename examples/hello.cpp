// Typed messages from a pusher to a puller.

#include <leat/leat.hpp>

#include <iostream>

struct order {
    int number = 0;
    std::string item;
    MSGPACK_DEFINE_MAP(number, item)
};

int main() {
    leat::context ctx;
    leat::puller<order> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<order> out{ctx, {.connect = in.bound()[0]}};

    if (out.send({1, "tea"}, std::chrono::seconds{5}) != leat::status::ok) return 1;
    if (auto got = in.receive(std::chrono::seconds{5})) std::cout << got->number << " " << got->item << "\n";
}

// Prints:
// 1 tea

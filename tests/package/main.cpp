#include <leat/leat.hpp>

#include <chrono>
#include <iostream>
#include <string>

struct order {
    int id = 0;
    std::string what;
    MSGPACK_DEFINE_MAP(id, what)
};

int main() {
    leat::context ctx;
    leat::puller<order> in{ctx, {.bind = {"inproc://orders"}}};
    leat::pusher<order> out{ctx, {.connect = {"inproc://orders"}}};

    const leat::deadline until = std::chrono::seconds{10};
    if (out.send({.id = 7, .what = "bolts"}, until) != leat::status::ok) return 1;
    const auto received = in.receive(until);
    if (!received) return 1;
    std::cout << "order " << received->id << ": " << received->what << '\n';
}

// What is on the wire: plain ZeroMQ frames of plain msgpack. Any PUSH or PULL socket in any language is a
// peer.

#include <leat/leat.hpp>

#include <iostream>

using namespace std::chrono_literals;

struct order {
    int number = 0;
    std::string item;
    MSGPACK_DEFINE_MAP(number, item)
};

int main() {
    leat::context ctx;
    leat::puller<order> in{ctx, {.bind = "tcp://127.0.0.1:*"}};

    // As a program without leat would: one frame of msgpack, {"item": "tea", "rush": true}. It lacks a field
    // that leat's side has, which keeps its default, and has one that leat's side does not know, which is
    // ignored.
    leat::socket plain{ctx, leat::role::push};
    plain.connect(in.bound()[0]);
    leat::message frame{"\x82\xa4item\xa3tea\xa4rush\xc3"};
    if (plain.send(frame, 5s) != leat::status::ok) return 1;
    if (auto got = in.receive(5s)) std::cout << got->number << " " << got->item << "\n";

    // What is not an order is counted, and the next message is taken.
    leat::message garbage{"\xc1"};
    leat::message good{"\x81\xa6number\x07"};
    if (plain.send(garbage, 5s) != leat::status::ok || plain.send(good, 5s) != leat::status::ok) return 1;
    if (auto got = in.receive(5s)) std::cout << got->number << "\n";
    std::cout << "undecodable: " << in.counts().dropped(leat::drop_reason::undecodable) << "\n";
}

// Prints:
// 0 tea
// 7
// undecodable: 1

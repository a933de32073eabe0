// A stage in a pipeline: takes lines, gives words, on two threads.

#include <leat/leat.hpp>

#include <iostream>
#include <map>
#include <sstream>
#include <thread>

using namespace std::chrono_literals;

struct line {
    std::string text;
    MSGPACK_DEFINE_MAP(text)
};
struct word {
    std::string text;
    MSGPACK_DEFINE_MAP(text)
};

std::vector<word> split(line& in) {
    std::vector<word> words;
    std::istringstream text{in.text};
    for (word next; text >> next.text;) words.push_back(next);
    return words;
}

int main() {
    leat::context ctx;
    std::stop_source stop;

    leat::puller<word> words{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::stage<line, word> splitter{
        ctx,
        {.in = {.bind = "tcp://127.0.0.1:*"}, .out = {.connect = words.bound()[0]}, .workers = 2},
        split};
    std::jthread running{[&] { splitter.run(stop.get_token()); }};

    leat::pusher<line> lines{ctx, {.connect = splitter.bound_in()[0]}};
    for (const char* text : {"to be", "or not", "to be"}) {
        if (lines.send({text}, 5s) != leat::status::ok) return 1;
    }

    std::map<std::string, int> counts;
    for (int i = 0; i < 6; ++i) {
        if (auto got = words.receive(5s)) ++counts[got->text];
    }
    for (const auto& [text, count] : counts) std::cout << text << " " << count << "\n";
    stop.request_stop();
}

// Prints:
// be 2
// not 1
// or 1
// to 2

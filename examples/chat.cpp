// A chat over publish/subscribe: everyone publishes to the room, and who comes later sees the last message of
// each.

#include <leat/leat.hpp>

#include <iostream>

using namespace std::chrono_literals;

struct line {
    std::string text;
    MSGPACK_DEFINE_MAP(text)
};

/// Prints one line of the chat: the last word of the topic is who wrote it.
bool show(const char* reader, leat::subscriber<line>& room) {
    const auto got = room.receive(5s);
    if (!got) return false;
    std::cout << reader << " sees " << got->topic.substr(got->topic.rfind('.') + 1) << ": " << got->value.text
              << (got->last_value ? " (earlier)" : "") << "\n";
    return true;
}

int main() {
    leat::context ctx;
    leat::subscriber<line> anna{ctx,
                                {.bind = "tcp://127.0.0.1:*", .patterns = {"chat.*"}, .last_values = true}};

    // The last message of a writer is one topic's last value.
    leat::publisher<line> ben{ctx,
                              {.bind = "tcp://127.0.0.1:*", .connect = anna.bound()[0], .last_values = 1}};
    if (anna.wait_ready(1, 5s) != leat::status::ok) return 1;
    for (const auto* text : {"hello", "is anyone there?"}) {
        if (ben.publish("chat.ben", {text}) != leat::status::ok || !show("anna", anna)) return 1;
    }

    // Cleo comes later. What Ben said last comes first, then what he says from now on.
    leat::subscriber<line> cleo{ctx,
                                {.connect = ben.bound()[0], .patterns = {"chat.*"}, .last_values = true}};
    if (!show("cleo", cleo) || cleo.wait_ready(1, 5s) != leat::status::ok) return 1;
    if (ben.publish("chat.ben", {"hello, cleo"}) != leat::status::ok) return 1;
    if (!show("anna", anna) || !show("cleo", cleo)) return 1;
}

// Prints:
// anna sees ben: hello
// anna sees ben: is anyone there?
// cleo sees ben: is anyone there? (earlier)
// anna sees ben: hello, cleo
// cleo sees ben: hello, cleo

// Puts messages and writes down each put and each verdict.
//
//   queue_producer ENDPOINT RECORD NAME COUNT SEED
//
// Reports a line for each ten verdicts, and ends when all have come. Of three messages two have a key.

#include "record_file.hpp"

#include <leat/context.hpp>
#include <leat/queue/producer.hpp>

#include <atomic>
#include <random>
#include <string>

using namespace std::chrono_literals;
using std::to_string;

int main(int, char** argv) {
    const proof::record_file record{argv[2]};
    const std::string name = argv[3];
    const int count = std::stoi(argv[4]);
    std::mt19937 random{static_cast<std::uint32_t>(std::stoul(argv[5]))};
    leat::context ctx;
    leat::socket_options socket;
    socket.reconnect_first = 5ms;
    socket.reconnect_cap = 50ms;
    leat::producer<leat::bytes> out{
        ctx, argv[1], {.queue = "work", .max_unconfirmed = 64, .batch_messages = 16, .socket = socket}};
    std::atomic<int> verdicts{0};
    for (int i = 0; i < count; ++i) {
        const auto body = name + "-" + to_string(i);
        leat::put_options how;
        if (random() % 3 > 0) how.key = name + "/" + to_string(random() % 4);
        if (random() % 5 == 0) how.priority = static_cast<int>(random() % 10);
        record.line("put " + body);
        out.put(leat::bytes{body}, how, [&, body](const leat::put_result& got) {
            record.line(std::string{to_string(got.what)} + " " + body);
            if (++verdicts % 10 == 0) proof::tell("verdicts");
        });
    }
    if (out.flush(120s) != 0) return 1;
    while (verdicts != count) std::this_thread::yield();  // the callbacks of the last ones
}

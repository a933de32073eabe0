// A queue on disk and its consumer in one process: an inbox. A message that is "poison" kills both.
//
//   queue_inbox PATH RECORD PREFETCH MAX_ATTEMPTS [COUNT]
//
// With COUNT it only puts so many messages, of which the middle one is the poison, and ends. Else it acks
// what it takes and writes "acked BODY ATTEMPT" for each, and when nothing is left "dead REASON BODY" for
// each dead letter.

#include "record_file.hpp"

#include <leat/context.hpp>
#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>

#include <csignal>
#include <string>

using namespace std::chrono_literals;
using std::to_string;

int main(int argc, char** argv) {
    const std::string path = argv[1];
    const proof::record_file record{argv[2]};
    leat::queue_rules rules;
    rules.max_attempts = static_cast<std::uint32_t>(std::stoul(argv[4]));
    rules.retry.first = 1ms;
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "inproc://work", .path = path, .rules = rules}};
    if (argc > 5) {
        leat::producer<std::string> out{ctx, "inproc://work", {.queue = "work"}};
        const auto count = std::stoi(argv[5]);
        for (int i = 0; i < count; ++i) out.put(i == count / 2 ? "poison" : "good " + to_string(i));
        return out.flush(60s) == 0 ? 0 : 1;
    }
    leat::consumer<std::string> in{ctx, "inproc://work", {.queue = "work", .prefetch = std::stoul(argv[3])}};
    while (work.stat().depth.live() > 0) {
        auto got = in.next(10ms);
        if (!got) continue;
        if (**got == "poison") std::raise(SIGKILL);
        record.line("acked " + **got + " " + to_string(got->attempt()));
        got->ack();
    }
    while (work.dead_letters({}, 1000).size() < work.stat().counts.dead_sum())
        static_cast<void>(in.next(10ms));
    for (const auto& letter : work.dead_letters({}, 1000))
        record.line("dead " + std::string{to_string(letter.why)} + " " +
                    letter.body.substr(1));  // behind its size
}

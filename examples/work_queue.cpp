// A task queue: work that fails is tried again, and what never works ends among the dead letters.
#include <leat/leat.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

struct task {
    std::string what;
    int number = 0;
    MSGPACK_DEFINE_MAP(what, number)
};

int main() {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_attempts = 3;
    rules.retry.first = 10ms;  // then 20 ms
    leat::queue tasks{ctx, {.name = "tasks", .bind = "tcp://127.0.0.1:*", .rules = rules}};

    // The producer and the consumer could be in any other process: only the endpoint would be another one.
    leat::producer<task> out{ctx, tasks.bound(), {.queue = "tasks"}};
    out.put({"resize", 1});
    out.put({"send", 2});
    out.put({"nonsense", 3});
    std::cout << out.flush(5s) << " tasks without a confirm\n";

    leat::consumer<task> in{ctx, tasks.bound(), {.queue = "tasks"}};
    int done = 0;
    for (auto& t : in) {
        try {
            if (t->what == "nonsense") throw std::invalid_argument{"no such task"};
            if (t->what == "send" && t.attempt() < 3) throw std::runtime_error{"not reachable"};
            std::cout << t->what << " done at attempt " << t.attempt() << "\n";
            t.ack();
            if (++done == 2) in.stop();
        } catch (const std::invalid_argument& fault) {
            t.reject(fault.what());  // it will never work
        } catch (const std::exception&) {
            t.retry();  // what an exception that leaves the loop would do as well
        }
    }
    in.close(5s);
    for (const auto& letter : tasks.dead_letters())
        std::cout << "dead: " << letter.text << ", after " << letter.attempts << " attempt\n";
}

// Prints:
// 0 tasks without a confirm
// resize done at attempt 1
// send done at attempt 3
// dead: no such task, after 1 attempt

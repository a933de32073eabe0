// Takes messages, writes down each delivery and each outcome before it is given, and gives outcomes at
// random: mostly acks. A message whose body begins with "poison" ends the process at once.
//
//   queue_consumer ENDPOINT RECORD PREFETCH SEED [acks]
//
// Reports a line for each ten deliveries. SIGTERM: stops and ends in good order. "acks": gives no other
// outcome.

#include "record_file.hpp"

#include <leat/context.hpp>
#include <leat/queue/consumer.hpp>

#include <csignal>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using std::to_string;

namespace {

void give(leat::delivery<leat::bytes>& d, std::uint64_t chance, const proof::record_file& record) {
    const auto say = [&](const std::string& what) {
        record.line("say " + to_string(d.fence().d) + " " + what + " " + std::string{(*d).text()});
    };
    if (chance < 90) {
        say("ack");
        d.ack();
    } else if (chance < 94) {
        say("release");
        d.release();
    } else if (chance < 99) {
        say("retry");
        d.retry();
    } else {
        say("reject");
        d.reject("by chance");
    }
}

}  // namespace

int main(int argc, char** argv) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const auto stopped = [] {
        sigset_t waiting;
        return sigpending(&waiting) == 0 && sigismember(&waiting, SIGTERM) == 1;
    };

    const proof::record_file record{argv[2]};
    std::mt19937 random{static_cast<std::uint32_t>(std::stoul(argv[4]))};
    const std::string mode = argc > 5 ? argv[5] : "";
    const std::uint64_t sides = mode.empty() ? 100 : 90;
    const std::size_t kept = mode == "keeps" ? 3 : 0;
    leat::context ctx;
    leat::socket_options socket;
    socket.reconnect_first = 5ms;
    socket.reconnect_cap = 50ms;
    leat::consumer<leat::bytes> in{
        ctx, argv[1], {.queue = "work", .prefetch = std::stoul(argv[3]), .socket = socket}};
    std::vector<leat::delivery<leat::bytes>> held;
    const auto settle_one = [&] {
        const auto first = held.size() > kept ? kept : 0;
        const auto which = first + random() % (held.size() - first);
        give(held[which], random() % sides, record);
        std::swap(held[which], held.back());
        held.pop_back();
    };
    for (int taken = 0; !stopped();) {
        auto got = in.next(held.size() <= kept ? 50ms : 1ms);
        if (got) {
            const std::string body{(*got)->text()};
            record.line("got " + to_string(got->fence().d) + " " + to_string(got->origin().seq) + " " + body);
            if (body.starts_with("poison")) std::raise(SIGKILL);
            held.push_back(std::move(*got));
            if (++taken % 10 == 1) proof::tell("taken");
        }
        if (held.size() > kept && (!got || held.size() - kept > random() % 4)) settle_one();
    }
    while (!held.empty()) settle_one();
    in.close(10s);
}

// A queue in a process of its own, which writes down all that goes in and out of it, and what it has at its
// end.
//
//   queue_host ENDPOINT RECORD LEASE_MS SESSION_TIMEOUT_MS MAX_ATTEMPTS [PATH [MAX_MESSAGES]]
//
// With PATH the queue is on disk, and the dead letters that it has written down at its end are purged. With
// MAX_MESSAGES it refuses what is beyond.
//
// SIGUSR1: reports "live N in_flight N acked N lost N dead N". SIGTERM: ends.

#include "record_file.hpp"
#include "tap.hpp"

#include <leat/context.hpp>
#include <leat/queue/queue.hpp>

#include <csignal>
#include <ctime>
#include <string>

using namespace std::chrono_literals;
using std::to_string;

namespace {

std::string line_of(const leat::queue_stat& s) {
    return "live " + to_string(s.depth.live()) + " in_flight " + to_string(s.depth.in_flight) + " acked " +
           to_string(s.counts.acked) + " lost " + to_string(s.counts.lost) + " dead " +
           to_string(s.counts.dead_sum());
}

}  // namespace

int main(int argc, char** argv) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    leat::queue_rules rules;
    rules.lease = std::chrono::milliseconds{std::stoi(argv[3])};
    rules.session_timeout = std::chrono::milliseconds{std::stoi(argv[4])};
    rules.max_attempts = static_cast<std::uint32_t>(std::stoul(argv[5]));
    rules.retry.first = 5ms;
    if (argc > 7) {
        rules.max_messages = std::stoull(argv[7]);
        rules.overflow = leat::queue_overflow::reject;
    }

    const proof::record_file record{argv[2]};
    const auto write = [&](const std::string& text) { record.line(to_string(proof::now()) + " " + text); };
    write(std::string{"rules "} + argv[3] + " " + argv[4] + " " + argv[5]);
    leat::context ctx;
    leat::socket_options socket;
    socket.insecure = true;  // between namespaces of this machine
    const std::string path = argc > 6 ? argv[6] : "";
    proof::tap_into(record);  // before anything can come
    leat::queue work{ctx, {.name = "work", .bind = argv[1], .path = path, .rules = rules, .socket = socket}};
    const auto found = work.stat().counts;
    write("opened " + to_string(work.opened().number) + " " + to_string(found.admitted) + " " +
          to_string(found.acked) + " " + to_string(found.dead_sum()));
    proof::tell(work.bound().str());

    for (constexpr timespec often{0, 100'000'000};;) {
        const int number = sigtimedwait(&signals, nullptr, &often);
        if (number == SIGTERM) break;
        if (number == SIGUSR1) proof::tell(line_of(work.stat()));
        write("tick");  // a hole in these shows that the process stood still
    }
    for (const auto& letter : work.dead_letters({}, 1'000'000))
        write("dead " + std::string{to_string(letter.why)} + " " + letter.body);
    const auto s = work.stat();
    if (!path.empty()) work.purge_dead_letters();
    write("end " + to_string(s.counts.admitted) + " " + to_string(s.counts.acked) + " " +
          to_string(s.counts.late_acks) + " " + to_string(s.counts.dead_sum()) + " " +
          to_string(s.depth.live()) + " " + to_string(s.counts.lost));
}

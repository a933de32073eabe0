#include "stats.hpp"

#include "exit_code.hpp"
#include "output.hpp"
#include "parse.hpp"

#include <poll.h>

#include <cmath>
#include <mutex>

namespace leat::command {
namespace {

using clock = std::chrono::steady_clock;

bool is_writable(int fd) {
    pollfd ready{fd, POLLOUT, 0};
    return ::poll(&ready, 1, 0) != 0;
}

}  // namespace

std::string stats_line(const relay& one, double rate) {
    const auto& counts = one.counts();
    std::uint64_t dropped = 0;
    for (const auto& reason : counts.drops) dropped += reason.value();
    std::string line = "relay=" + one.options().name;
    const auto add = [&](const char* name, std::uint64_t value) {
        line += std::string{" "} + name + "=" + std::to_string(value);
    };
    add("in", counts.forward.messages_in.value());
    add("out", counts.forward.messages_out.value());
    add("back", counts.back.messages_out.value());
    add("bytes_in", counts.forward.bytes_in.value());
    add("bytes_out", counts.forward.bytes_out.value());
    add("waits", counts.waits.value());
    add("batches", counts.batches.value());
    add("captured", counts.captured.value());
    add("dropped", dropped);
    add("rate", static_cast<std::uint64_t>(std::llround(rate)));
    return line;
}

struct stats::shared {
    shared(const environment& env, const forwarder& all)
        : fd(env.out), out(env.out, env.stop), err(&env.err), relays(&all), before(all.size()) {}

    void print() {
        const std::lock_guard lock{mutex};
        if (relays == nullptr || !is_writable(fd)) return;  // on the context's loop, which must not wait
        const auto now = clock::now();
        const auto seconds = std::chrono::duration<double>(now - then).count();
        then = now;
        try {
            for (std::size_t i = 0; i < relays->size(); ++i) {
                const auto in = (*relays)[i].counts().forward.messages_in.value();
                const auto rate = seconds > 0 ? static_cast<double>(in - before[i]) / seconds : 0;
                before[i] = in;
                out.write(stats_line((*relays)[i], rate) + "\n");
            }
            out.flush();
        } catch (const failure& wrong) {  // the relays go on without
            err->say(std::string{"no more stats: "} + wrong.what());
            relays = nullptr;
        }
    }

    std::mutex mutex;
    const int fd;
    output out;
    console* err;
    const forwarder* relays;  // null once there is nothing to print any more
    std::vector<std::uint64_t> before;
    clock::time_point then = clock::now();
};

stats::stats(const environment& env, loop& events, const forwarder& relays,
             std::chrono::microseconds interval)
    : state_(std::make_shared<shared>(env, relays)) {
    events.post([&events, interval, own = state_] { events.every(interval, [own] { own->print(); }); });
}

stats::~stats() {
    state_->print();
    const std::lock_guard lock{state_->mutex};
    state_->relays = nullptr;
}

std::chrono::microseconds parse_stats_interval(std::string_view option, std::string_view text) {
    const auto time = parse_duration(option, text);
    if (time < least_stats_interval)
        throw usage_error{std::string{option} + " '" + std::string{text} + "': is shorter than " +
                          format_duration(least_stats_interval)};
    return time;
}

}  // namespace leat::command

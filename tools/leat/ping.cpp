#include "output.hpp"
#include "parse.hpp"
#include "peers.hpp"
#include "servers.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>
#include <leat/reqrep/client.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace leat::command {
namespace {

struct ping_arguments {
    servers with;
    std::uint64_t count = 100;
};

std::string microseconds(std::chrono::nanoseconds time) {
    const auto tenths = (time.count() + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " us";
}

exit_code ping(const ping_arguments& args, environment& env) {
    context ctx{{.on_warning = [&](const std::string& text) { env.err.say(text); }}};
    client to{ctx,
              {.connect = args.with.connect,
               .bind = args.with.bind,
               .stop = env.stop,
               .socket = {.insecure = args.with.insecure}}};
    tell_bound(env.err, args.with.bind, to.bound());
    std::vector<std::chrono::nanoseconds> times;
    // The first one waits for the connection too, so it does not count.
    auto last = to.ping(args.with.timeout);
    while (last && times.size() < args.count) {
        last = to.ping(args.with.timeout);
        if (last) times.push_back(*last);
    }
    if (!last) {
        env.err.say(describe(last) + " after " + count_of(times.size(), "answer"));
        return code_of(last.why());
    }
    std::sort(times.begin(), times.end());
    const auto at = [&](double q) {
        return times[static_cast<std::size_t>(std::lround(q * static_cast<double>(times.size() - 1)))];
    };
    output out{env.out, env.stop};
    out.write(count_of(times.size(), "round trip") + ": min " + microseconds(times.front()) + ", median " +
              microseconds(at(0.5)) + ", p99 " + microseconds(at(0.99)) + "\n");
    out.flush();
    return exit_code::done;
}

}  // namespace

void declare_ping(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<ping_arguments>();
    auto& sub = add_subcommand(
        app, "ping", "Measure the round-trip time to a replier, past its workers",
        "  leat ping -c tcp://10.0.0.7:5555\n",
        [args]() -> action {
            args->with.check();
            return [args](environment& env) { return ping(*args, env); };
        },
        chosen);
    add_servers(sub, args->with);
    add_value(sub, "-n,--count", "N", "Round trips to measure (100)",
              [args](const auto& text) { args->count = parse_count("--count", text); });
}

}  // namespace leat::command

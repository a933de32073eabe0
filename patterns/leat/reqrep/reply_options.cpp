#include <leat/reqrep/reply_options.hpp>

#include <leat/error.hpp>

#include <string>

namespace leat {

void reply_options::check() const {
    const auto refuse = [](const std::string& text) { throw error{errc::bad_option, text}; };
    using namespace std::chrono_literals;
    if (bind.empty() && connect.empty() && join.empty())
        refuse("a replier needs at least one endpoint to bind, connect or join");
    if (workers < 1 || workers > 256)
        refuse("workers is " + std::to_string(workers) + "; allowed are 1 to 256");
    if (max_open < 1 || max_open > 1'000'000)
        refuse("max_open is " + std::to_string(max_open) + "; allowed are 1 to 1000000");
    if (stop_within < 0ms || stop_within > 1h)
        refuse("stop_within is " + std::to_string(stop_within.count()) + " ms; allowed are 0 to 3600000");
    if (heartbeat < 10ms || heartbeat > 1h)
        refuse("heartbeat is " + std::to_string(heartbeat.count()) + " ms; allowed are 10 to 3600000");
    if (max_clock_skew < 0ms) refuse("max_clock_skew is negative");
}

}  // namespace leat

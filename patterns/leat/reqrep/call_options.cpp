#include <leat/reqrep/call_options.hpp>

#include <leat/error.hpp>

namespace leat {

void request_options::check() const {
    const auto refuse = [](const std::string& text) { throw error{errc::bad_option, text}; };
    if (connect.empty() && bind.empty()) refuse("a requester needs at least one endpoint to connect or bind");
    if (plain && !bind.empty()) refuse("plain servers announce nothing, so a requester cannot bind for them");
    if (max_in_flight < 1 || max_in_flight > 1'000'000)
        refuse("max_in_flight is " + std::to_string(max_in_flight) + "; allowed are 1 to 1000000");
    using namespace std::chrono_literals;
    if (heartbeat != 0ms && (heartbeat < 10ms || heartbeat > 1h))
        refuse("heartbeat is " + std::to_string(heartbeat.count()) +
               " ms; allowed are 10 to 3600000, and 0 for none");
    if (!bind.empty() && heartbeat == 0ms)
        refuse("a requester that binds needs heartbeats, to see servers come and go");
}

}  // namespace leat

// A network that is cut and healed, between a queue in one network namespace and its clients in another one.

#include "rig.hpp"
#include "two_hosts.hpp"

using namespace std::chrono_literals;
using proof::two_hosts;

namespace {

/// A cut under load, one way, the other way and both ways, each as long as said; then all is worked off.
proof::findings cut_three_times(two_hosts& hosts, const proof::rules& with, std::chrono::milliseconds cut) {
    proof::rig all{with, std::string{"tcp://"} + two_hosts::first_address + ":*", hosts.on_first(),
                   hosts.on_second()};
    std::vector<support::process> in;
    in.push_back(all.consumer(16, 1, "acks"));
    in.push_back(all.consumer(64, 2, "acks"));
    for (const auto way : {two_hosts::way::to_first, two_hosts::way::to_second, two_hosts::way::both}) {
        auto out = all.producer(5000, 3);
        REQUIRE(out.line(support::patience));
        hosts.cut(way);
        REQUIRE_FALSE(all.queue().ended(cut));
        hosts.heal();
        CHECK(out.wait(proof::long_patience) == 0);
        all.drain();
    }
    proof::stop(in);
    return all.finish();
}

bool had(const two_hosts& hosts) {
    if (!hosts.made()) MESSAGE("skipped: no network namespaces to be had (they need root and iproute2)");
    return hosts.made();
}

}  // namespace

TEST_CASE("37: a cut shorter than the session timeout repeats nothing") {
    two_hosts hosts;
    if (!had(hosts)) return;
    const auto found = proof::long_run()
                           ? cut_three_times(hosts, {.lease = 30s, .session_timeout = 10s}, 3s)
                           : cut_three_times(hosts, {.lease = 60s, .session_timeout = 8s}, 500ms);
    CHECK(found.acked == found.puts);
    CHECK(found.repeats == 0);
    CHECK(found.losses == 0);
}

TEST_CASE("37: a cut longer than the session timeout costs deliveries, and no message") {
    two_hosts hosts;
    if (!had(hosts)) return;
    const auto found = proof::long_run()
                           ? cut_three_times(hosts, {.lease = 30s, .session_timeout = 10s}, 15s)
                           : cut_three_times(hosts, {.lease = 60s, .session_timeout = 500ms}, 1500ms);
    CHECK(found.acked == found.puts);
    CHECK(found.losses > 0);
}

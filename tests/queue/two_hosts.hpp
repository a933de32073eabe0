#pragma once

#include "support/joined.hpp"
#include "support/process.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

namespace proof {

/// Two network namespaces with a cable between them: the nearest to two machines that one has. They end with
/// this object. Needs root and iproute2.
class two_hosts {
public:
    static constexpr auto first_address = "10.213.77.1", second_address = "10.213.77.2";
    enum class way { to_first, to_second, both };

    two_hosts() {
        made_ = ip("netns add " + first_) && ip("netns add " + second_) &&
                ip("link add cable netns " + first_ + " address " + first_mac +
                   " type veth peer name cable netns " + second_ + " address " + second_mac) &&
                ip("-n " + first_ + " addr add " + first_address + "/24 dev cable") &&
                ip("-n " + second_ + " addr add " + second_address + "/24 dev cable") &&
                ip("-n " + first_ + " link set cable up") && ip("-n " + second_ + " link set cable up");
        if (made_) set(way::both, true);
    }
    ~two_hosts() {
        ip("netns del " + first_);
        ip("netns del " + second_);
    }
    two_hosts(const two_hosts&) = delete;
    two_hosts& operator=(const two_hosts&) = delete;

    /// False where namespaces cannot be had.
    [[nodiscard]] bool made() const noexcept { return made_; }

    /// What a command begins with that is to run on the first or the second host.
    [[nodiscard]] std::vector<std::string> on_first() const { return {"ip", "netns", "exec", first_}; }
    [[nodiscard]] std::vector<std::string> on_second() const { return {"ip", "netns", "exec", second_}; }

    /// Packets go astray without anybody being told, as when a switch has died.
    void cut(way which) { set(which, false); }
    void heal() { set(way::both, true); }

private:
    static constexpr auto first_mac = "02:00:00:00:00:01", second_mac = "02:00:00:00:00:02",
                          nobodys_mac = "02:00:00:00:00:99";

    static bool ip(const std::string& words) {
        std::istringstream in{words};
        std::vector<std::string> command{"ip"};
        for (std::string word; in >> word;) command.push_back(word);
        return support::process{std::move(command)}.wait(support::patience) == 0;
    }
    /// Who sends to another one's address sends to nobody.
    void set(way which, bool through) {
        const auto neighbour = [&](const std::string& at, const std::string& address,
                                   const std::string& mac) {
            REQUIRE(ip("-n " + at + " neigh replace " + address + " lladdr " + (through ? mac : nobodys_mac) +
                       " dev cable nud permanent"));
        };
        if (which != way::to_second) neighbour(second_, first_address, first_mac);
        if (which != way::to_first) neighbour(first_, second_address, second_mac);
    }

    const std::string first_ = "leat-" + std::to_string(::getpid()) + "-1";
    const std::string second_ = "leat-" + std::to_string(::getpid()) + "-2";
    bool made_ = false;
};

}  // namespace proof

#include <leat/forwarder/relay_options.hpp>

#include <leat/error.hpp>

#include <set>

namespace leat {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t least_coalesce = 64;

[[noreturn]] void refuse(const std::string& text) {
    throw error{errc::bad_option, "relay: " + text};
}

/// False for those of which the system picks another one each time.
bool is_fixed(const endpoint& at) {
    return at.str() != "ipc://*" && !at.str().ends_with(":*");
}

class side_check {
public:
    void operator()(const std::string& name, const relay_options::side& side) {
        for (const auto& at : side.bind) {
            check_bind(name + ".bind", at, side.socket);
            check_new(name + ".bind", at);
        }
        for (const auto& to : side.connect) {
            if (to.is_wildcard()) {
                refuse(name + ".connect " + to.str() + ": a * can only be bound; name the host and port");
            }
            check_new(name + ".connect", to);
        }
        if (side.socket.heartbeat) {
            refuse(
                name +
                ".socket.heartbeat is set: a relay does not read while what follows is full, and a peer that "
                "waits would be taken for dead; leave it unset, TCP keepalive finds dead hosts");
        }
        side.socket.check();
    }

private:
    static void check_bind(const std::string& name, const endpoint& at, const socket_options& socket) {
        if (at.is_local() || socket.insecure || socket.server) return;
        throw error{errc::insecure_bind,
                    "relay: " + name + " " + at.str() +
                        ": other machines could reach it. Set CURVE keys (socket.server), "
                        "bind 127.0.0.1, or say insecure"};
    }

    void check_new(const std::string& name, const endpoint& one) {
        if (!is_fixed(one) || seen_.insert(one.str()).second) return;
        refuse(name + " " + one.str() + " is there twice; each endpoint of a relay is used once");
    }

    std::set<std::string> seen_;
};

void check_coalesce(const relay_options& o) {
    if (o.coalesce == 0) return;
    const auto bytes = "coalesce is " + std::to_string(o.coalesce) + " bytes";
    if (o.kind != relay_kind::streamer) {
        refuse(bytes + " on a " + std::string{to_string(o.kind)} +
               " relay; only streamers join messages, so leave it 0");
    }
    if (o.coalesce < least_coalesce || o.coalesce > o.out.socket.max_message) {
        refuse(bytes + "; allowed are " + std::to_string(least_coalesce) + " to out.socket.max_message, " +
               std::to_string(o.out.socket.max_message) + " bytes");
    }
}

}  // namespace

void relay_options::check() const {
    if (in.empty()) refuse("there is nowhere to take messages from; set in.bind or in.connect");
    if (out.empty()) refuse("there is nowhere to pass messages on to; set out.bind or out.connect");
    side_check check_side;
    check_side("in", in);
    check_side("out", out);
    check_side("capture", capture);
    check_coalesce(*this);
    if (drain < 0ms || drain > 1h) {
        refuse("drain is " + std::to_string(drain.count()) + " ms; allowed are 0 to 3600000 ms");
    }
}

}  // namespace leat

#include "roles.hpp"

#include <leat/context.hpp>
#include <leat/pipeline/puller.hpp>
#include <leat/pipeline/pusher.hpp>
#include <leat/stop.hpp>

#include <poll.h>

namespace demo {
namespace {

constexpr std::uint64_t lines_a_report = 1000;
constexpr std::uint64_t lines_before_hold = 20;
constexpr std::chrono::milliseconds pause{50};

/// Waits for the end with a line in hand.
[[noreturn]] void hold(const std::stop_token& stop) {
    const leat::stop_event ended{stop};
    pollfd ready{ended.fd(), POLLIN, 0};
    while (::poll(&ready, 1, -1) < 0) {
    }
    std::_Exit(1);
}

}  // namespace

int work(std::uint32_t self, const leat::endpoint& lines, const leat::endpoint& reports, bool hold_one,
         std::stop_token stop) {
    leat::context ctx{{.close_deadline = patience}};
    leat::pusher<report> news{ctx, {.connect = reports, .socket = {.linger = patience}}};
    leat::puller<line> in{ctx, {.connect = lines, .stop = stop}};
    if (in.wait_ready(1, patience) != leat::status::ok) return 1;
    if (news.send({report::news::ready, self}, patience) != leat::status::ok) return 1;

    report part{.what = report::news::counted, .process = self};
    const auto tell = [&] {
        const auto why = news.send(part, patience);
        part.part = {};
        return why == leat::status::ok;
    };
    line next;
    for (;;) {
        // Looked at first: what had arrived when the forwarder left is received before the end shows.
        const bool forwarder_left = in.peers().connected() == 0;
        const auto why = in.receive(next, pause);
        if (why == leat::status::ok) {
            if (hold_one && part.part.lines == lines_before_hold) {
                part.what = report::news::held;
                if (!tell() || news.flush(patience) != leat::status::ok) return 1;
                hold(stop);
            }
            part.part.add(next.text);
        }
        if (part.part.lines == lines_a_report ||
            (why != leat::status::ok && part.part.lines > 0 && !hold_one)) {
            if (!tell()) return 1;
        }
        if (why != leat::status::ok && (why != leat::status::timeout || forwarder_left)) break;
    }
    if (part.part.lines > 0 && !tell()) return 1;
    in.close();
    news.close();
    return ctx.close(patience).complete ? 0 : 1;
}

}  // namespace demo

#include "roles.hpp"

#include <leat/context.hpp>
#include <leat/forwarder/relay.hpp>
#include <leat/loop.hpp>

#include <cstdio>
#include <memory>

namespace demo {

namespace {

/// Ends the relay once it is asked to stop and the last shipper's connection is closed: then all that was
/// sent has arrived.
struct watch {
    std::shared_ptr<leat::relay> relay;
    std::stop_token stop;
    std::stop_source drained;
    int quiet = 0;

    void look() {
        const bool none = relay->in_counts().connects.value() == relay->in_counts().disconnects.value();
        quiet = stop.stop_requested() && none ? quiet + 1 : 0;
        if (quiet == 2) drained.request_stop();
    }
};

}  // namespace

int forward(std::stop_token stop) {
    leat::context ctx{{.close_deadline = patience}};
    leat::relay_options options{.in = {.bind = "tcp://127.0.0.1:*"}, .out = {.bind = "tcp://127.0.0.1:*"}};
    options.out.socket.linger = patience;
    options.drain = patience;
    const auto relay = std::make_shared<leat::relay>(ctx, options);
    std::printf("%s %s\n", relay->in_endpoints()[0].str().c_str(), relay->out_endpoints()[0].str().c_str());
    std::fflush(stdout);

    std::stop_source drained;
    auto& events = ctx.background();
    events.post([&events, end = std::make_shared<watch>(watch{relay, stop, drained})] {
        events.every(std::chrono::milliseconds{10}, [end] { end->look(); });
    });
    const auto done = relay->run(drained.get_token());
    const auto closed = ctx.close(patience);
    return done.left == 0 && closed.complete ? 0 : 1;
}

}  // namespace demo

#include "memory.hpp"

#include "processes.hpp"
#include "raw.hpp"

#include <leat/context.hpp>
#include <leat/forwarder/relay.hpp>
#include <leat/pipeline/pusher.hpp>

#include <zmq.h>

#include <cstdio>
#include <string>
#include <thread>

namespace bench {
namespace {

/// Pushes frames of `size` bytes to nobody until no more are accepted; peak memory above that of an idle
/// process.
reading lonely_pusher(std::size_t size) {
    channel result;
    child process{[&] {
        leat::context ctx{{.on_warning = [](const std::string&) {}}};
        leat::pusher<leat::bytes> out{
            ctx, {.connect = "tcp://127.0.0.1:1", .socket = {.linger = std::chrono::milliseconds{0}}}};
        const double before = peak_mib();
        double accepted = 0;
        const std::string data(size, 'x');
        while (out.try_send(leat::bytes{std::string_view{data}})) ++accepted;
        result.put_reading({accepted, 0, peak_mib() - before});
    }};
    return result.take_reading();
}

/// Peak memory of a relay through which `count` messages went from a fast sender to a receiver that waits now
/// and then.
reading busy_relay(std::size_t count) {
    channel in_end, out_end, result, over;
    child relay_process{[&] {
        leat::context ctx;
        leat::relay_options options;
        options.in.bind = "tcp://127.0.0.1:*";
        options.out.bind = "tcp://127.0.0.1:*";
        leat::relay relay{ctx, options};
        in_end.put_text(relay.in_endpoints()[0].str());
        out_end.put_text(relay.out_endpoints()[0].str());
        std::stop_source stop;
        std::jthread ends{[&] {
            static_cast<void>(over.take_text());
            stop.request_stop();
        }};
        relay.run(stop.get_token());
        result.put_reading({static_cast<double>(count), 0, peak_mib()});
    }};
    const auto in = in_end.take_text();
    const auto out = out_end.take_text();
    child sender{[&] {
        raw::socket to{ZMQ_PUSH, {}};
        to.connect(in);
        const std::string data(1024, 'x');
        for (std::size_t i = 0; i < count; ++i) to.send(data.data(), data.size());
    }};
    raw::socket from{ZMQ_PULL, {}};
    from.connect(out);
    zmq_msg_t m;
    zmq_msg_init(&m);
    volatile std::size_t spent = 0;
    for (std::size_t i = 0; i < count; ++i) {
        zmq_msg_recv(&m, from.get(), 0);
        for (std::size_t work = 0; work < 4000; ++work) spent = spent + work;  // slower than the sender
    }
    over.put_text("over");
    return result.take_reading();
}

}  // namespace

bool memory_report() {
    const leat::socket_options defaults;
    constexpr double mib = 1u << 20, allowance = 1.35;  // the allocator's own overhead
    const double bound = static_cast<double>(defaults.send_bytes) / mib;
    bool kept = true;
    std::printf("\nmemory\n");
    for (const std::size_t size : {std::size_t{100}, std::size_t{4096}, std::size_t{1} << 20}) {
        const auto r = lonely_pusher(size);
        const bool within = r.peak_mib <= bound * allowance;
        kept = kept && within;
        std::printf(
            "  pusher without a peer, %7zu B a frame: %8.0f frames accepted, %6.1f MiB (bound %.0f MiB) %s\n",
            size, r.value, r.peak_mib, bound, within ? "kept" : "PASSED");
    }
    const auto once = busy_relay(1'000'000), often = busy_relay(4'000'000);
    const bool steady = often.peak_mib <= once.peak_mib * 1.1 + 1;
    kept = kept && steady;
    std::printf(
        "  relay, receiver slower than sender: %.1f MiB after 1,000,000 messages, %.1f MiB after 4,000,000 "
        "%s\n",
        once.peak_mib, often.peak_mib, steady ? "steady" : "GROWS");
    return kept;
}

}  // namespace bench

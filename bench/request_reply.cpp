#include "request_reply.hpp"

#include "processes.hpp"
#include "raw.hpp"

#include <leat/context.hpp>
#include <leat/reqrep/replier.hpp>
#include <leat/reqrep/requester.hpp>

#include <zmq.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

constexpr std::size_t body = 100;
constexpr std::size_t warm_up = 2'000, calls = 20'000;
constexpr std::size_t in_flight = 1'000, many_calls = 400'000;

/// Starts a server, which tells where it is bound and serves until it is killed, and a client in a process of
/// its own; returns what the client measured.
template <class Serve, class Measure>
reading between(const Serve& serve, const Measure& measure) {
    channel where, result;
    child server{[&] { serve([&](const std::string& at) { where.put_text(at); }); }};
    const auto at = where.take_text();
    {
        child client{[&] { result.put_reading(measure(at)); }};
    }
    const auto r = result.take_reading();
    server.kill();
    return r;
}

/// The quantile of `calls` round trips in microseconds.
template <class Call>
reading round_trips(double quantile, const Call& call) {
    for (std::size_t i = 0; i < warm_up; ++i) call();
    std::vector<double> times(calls);
    for (auto& time : times) {
        const auto began = now_seconds();
        call();
        time = (now_seconds() - began) * 1e6;
    }
    const auto at = times.begin() + static_cast<std::ptrdiff_t>(quantile * static_cast<double>(calls - 1));
    std::nth_element(times.begin(), at, times.end());
    return {*at};
}

reading raw_latency(double quantile) {
    return between(
        [](auto tell) {
            raw::socket in{ZMQ_REP, {}};
            tell(in.bind());
            zmq_msg_t m;
            zmq_msg_init(&m);
            for (;;) {
                zmq_msg_recv(&m, in.get(), 0);
                zmq_msg_send(&m, in.get(), 0);
            }
        },
        [=](const std::string& at) {
            raw::socket out{ZMQ_REQ, {}};
            out.connect(at);
            const std::string data(body, 'x');
            zmq_msg_t m;
            zmq_msg_init(&m);
            return round_trips(quantile, [&] {
                out.send(data.data(), data.size());
                zmq_msg_recv(&m, out.get(), 0);
            });
        });
}

using leat_replier = leat::replier<leat::bytes, leat::bytes>;
using leat_requester = leat::requester<leat::bytes, leat::bytes>;

void leat_serve(const std::function<void(const std::string&)>& tell) {
    leat::context ctx;
    leat_replier echo{
        ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 10'000}, [](leat::bytes request) { return request; }};
    tell(echo.bound()[0].str());
    wait_to_be_killed();
}

reading leat_latency(double quantile) {
    return between(leat_serve, [=](const std::string& at) {
        leat::context ctx;
        leat_requester asks{ctx, {.connect = at}};
        const std::string data(body, 'x');
        return round_trips(quantile, [&] {
            if (!asks.call(leat::bytes{std::string_view{data}}, std::chrono::seconds{5}))
                throw std::runtime_error{"a call failed"};
        });
    });
}

reading raw_throughput() {
    return between(
        [](auto tell) {
            raw::socket in{ZMQ_ROUTER, {0, 0}};
            tell(in.bind());
            zmq_msg_t m;
            zmq_msg_init(&m);
            for (;;) {  // id, number, empty, body: all go back
                zmq_msg_recv(&m, in.get(), 0);
                const int more = zmq_msg_more(&m);
                zmq_msg_send(&m, in.get(), more != 0 ? ZMQ_SNDMORE : 0);
            }
        },
        [](const std::string& at) {
            raw::socket out{ZMQ_DEALER, {0, 0}};
            out.connect(at);
            const std::string data(body, 'x');
            const auto send = [&](std::size_t number) {
                zmq_send(out.get(), &number, sizeof number, ZMQ_SNDMORE);
                zmq_send(out.get(), "", 0, ZMQ_SNDMORE);
                out.send(data.data(), data.size());
            };
            zmq_msg_t m;
            zmq_msg_init(&m);
            std::vector<char> open(many_calls + in_flight);
            std::size_t sent = 0;
            const auto began = now_seconds();
            while (sent < in_flight) {
                open[sent] = 1;
                send(sent++);
            }
            for (std::size_t got = 0; got < many_calls; ++got) {
                zmq_msg_recv(&m, out.get(), 0);
                std::size_t number = 0;
                std::memcpy(&number, zmq_msg_data(&m), sizeof number);
                open[number] = 0;
                while (zmq_msg_more(&m) != 0) zmq_msg_recv(&m, out.get(), 0);
                if (sent < many_calls) {
                    open[sent] = 1;
                    send(sent++);
                }
            }
            return reading{static_cast<double>(many_calls) / (now_seconds() - began)};
        });
}

/// Calls made from the callbacks of those before them.
class chain {
public:
    explicit chain(leat_requester& asks) : asks_(asks), data_(body, 'x') {}

    void run() {
        for (std::size_t i = 0; i < in_flight; ++i) next();
        done_.get_future().wait();
    }

private:
    void next() {
        asks_.async(leat::bytes{std::string_view{data_}}, std::chrono::seconds{30}, {}, [this](auto&& a) {
            if (!a) std::_Exit(1);
            const auto got = got_.fetch_add(1) + 1;
            if (got + in_flight <= many_calls) next();
            if (got == many_calls) done_.set_value();
        });
    }

    leat_requester& asks_;
    std::string data_;
    std::atomic<std::size_t> got_ = 0;
    std::promise<void> done_;
};

reading leat_throughput() {
    return between(leat_serve, [](const std::string& at) {
        leat::context ctx;
        leat_requester asks{ctx, {.connect = at}};
        static_cast<void>(asks.wait_ready(1, std::chrono::seconds{10}));
        chain all{asks};
        const auto began = now_seconds();
        all.run();
        return reading{static_cast<double>(many_calls) / (now_seconds() - began)};
    });
}

}  // namespace

std::vector<pair_case> request_reply_cases() {
    constexpr double median_of = 0.5, p99 = 0.99;
    return {
        {"request/reply 100 B, median", "us", "raw REQ/REP", 1.10, true,
         [=] { return raw_latency(median_of); }, [=] { return leat_latency(median_of); }},
        {"request/reply 100 B, p99", "us", "raw REQ/REP", 1.10, true, [=] { return raw_latency(p99); },
         [=] { return leat_latency(p99); }},
        {"request/reply 100 B, 1,000 in flight", "calls/s", "DEALER/ROUTER", 0.9, false, raw_throughput,
         leat_throughput},
    };
}

}  // namespace bench

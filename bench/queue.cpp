#include "queue.hpp"

#include "measure.hpp"
#include "processes.hpp"

#include <leat/context.hpp>
#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t body = 100;

std::int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// A queue in a process of its own, for as long as this lives.
class server {
public:
    server()
        : process_([this] {
              leat::context ctx;
              leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
              where_.put_text(work.bound().str());
              for (;;) std::this_thread::sleep_for(1h);  // paces: until it is killed
          }),
          at(where_.take_text()) {}
    ~server() { process_.kill(); }
    server(const server&) = delete;
    server& operator=(const server&) = delete;

private:
    channel where_;
    child process_;

public:
    const std::string at;
};

/// Messages a second, from the first put to the last ack, all verdicts had.
double throughput(std::size_t count, std::size_t frame) {
    const server queue;
    channel ready, result;
    const child consumer{[&] {
        leat::context ctx;
        leat::consumer<leat::bytes> in{
            ctx, queue.at, {.queue = "work", .prefetch = 8192, .prefetch_bytes = 4u << 20}};
        if (in.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"no queue"};
        ready.put_text("ready");
        for (std::size_t i = 0; i < count; ++i) {
            auto got = in.next(30s);
            if (!got) throw std::runtime_error{"the queue has stopped"};
            got->ack();
        }
        in.close(10s);
        result.put_reading({.value = static_cast<double>(now_ns())});
    }};
    static_cast<void>(ready.take_text());
    leat::context ctx;
    leat::producer<leat::bytes> out{ctx, queue.at, {.queue = "work", .batch_messages = frame}};
    const leat::bytes one{std::string(body, 'x')};
    const auto began = now_ns();
    for (std::size_t i = 0; i < count; ++i) out.put(one);
    if (out.flush(60s) != 0) throw std::runtime_error{"puts without a verdict"};
    const auto ended = std::max(static_cast<double>(now_ns()), result.take_reading().value);
    return static_cast<double>(count) / (ended - static_cast<double>(began)) * 1e9;
}

struct times {
    double p50, p99;
};

/// Microseconds from put to delivery.
times latency(std::size_t count, std::chrono::nanoseconds each) {
    const server queue;
    channel ready, half, most;
    const child consumer{[&] {
        leat::context ctx;
        leat::consumer<leat::bytes> in{ctx, queue.at, {.queue = "work"}};
        if (in.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"no queue"};
        ready.put_text("ready");
        std::vector<double> all;
        for (std::size_t i = 0; i < count; ++i) {
            auto got = in.next(30s);
            if (!got) throw std::runtime_error{"the queue has stopped"};
            std::int64_t put = 0;
            std::memcpy(&put, (*got)->data(), sizeof put);
            all.push_back(static_cast<double>(now_ns() - put) / 1000);
            got->ack();
        }
        std::sort(all.begin(), all.end());
        half.put_reading({.value = all[all.size() / 2]});
        most.put_reading({.value = all[all.size() / 100 * 99]});
    }};
    static_cast<void>(ready.take_text());
    leat::context ctx;
    leat::producer<leat::bytes> out{ctx, queue.at, {.queue = "work"}};
    if (out.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"no queue"};
    auto next = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < count; ++i) {
        std::this_thread::sleep_until(next += each);  // paces
        leat::bytes one{body};
        const auto put = now_ns();
        std::memcpy(one.data(), &put, sizeof put);
        out.put(one);
    }
    if (out.flush(10s) != 0) throw std::runtime_error{"puts without a verdict"};
    return {half.take_reading().value, most.take_reading().value};
}

}  // namespace

void queue_report(int runs) {
    std::vector<double> batched, single, p50, p99;
    for (int i = 0; i < runs; ++i) {
        batched.push_back(throughput(2'000'000, 1000));
        single.push_back(throughput(200'000, 1));
        const auto t = latency(20'000, 200us);
        p50.push_back(t.p50);
        p99.push_back(t.p99);
    }
    std::printf("queue in memory, 100 bytes, confirms and acks, TCP, medians of %d\n", runs);
    std::printf("  frames of up to 1,000 messages   %10.0f msg/s\n", median(batched));
    std::printf("  frames of one message            %10.0f msg/s\n", median(single));
    std::printf("  put to delivery at 5,000/s       %10.1f us p50, %.1f us p99\n", median(p50), median(p99));
}

}  // namespace bench

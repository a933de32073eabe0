#include "queue.hpp"

#include "measure.hpp"
#include "processes.hpp"
#include "redis_stream.hpp"

#include <leat/context.hpp>
#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t body = 100;
constexpr std::size_t window = 1000;  // puts without an answer

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
              wait_to_be_killed();
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

/// How many each of some processes has had, so that each knows when there is nothing left to come.
class tally {
public:
    explicit tally(std::size_t processes)
        : processes_(processes),
          counts_(static_cast<count*>(::mmap(nullptr, processes * sizeof(count), PROT_READ | PROT_WRITE,
                                             MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        if (counts_ == MAP_FAILED) throw std::runtime_error{"no shared memory"};
    }
    ~tally() { ::munmap(counts_, processes_ * sizeof(count)); }
    tally(const tally&) = delete;
    tally& operator=(const tally&) = delete;

    void add(std::size_t process) const { counts_[process].had.fetch_add(1, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t sum() const {
        std::size_t all = 0;
        for (std::size_t i = 0; i < processes_; ++i) all += counts_[i].had.load(std::memory_order_relaxed);
        return all;
    }

private:
    struct alignas(64) count {
        std::atomic<std::size_t> had;
    };
    std::size_t processes_;
    count* counts_;
};

/// Messages a second, from the first put until all have their confirms and acks. `clients` producers and as
/// many consumers, a process each.
reading throughput(std::size_t count, std::size_t clients, const leat::producer_options& how) {
    const server queue;
    const tally taken{clients};
    channel ready, begin, result;
    std::vector<std::unique_ptr<child>> all;
    for (std::size_t c = 0; c < clients; ++c) {
        all.push_back(std::make_unique<child>([&] {
            leat::context ctx;
            leat::consumer<leat::bytes> in{
                ctx, queue.at, {.queue = "work", .prefetch = 8192, .prefetch_bytes = 4u << 20}};
            if (in.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"no queue"};
            ready.put_text("ready");
            while (taken.sum() < count) {
                for (leat::deadline until = 1ms; auto got = in.next(until); until = leat::deadline::now()) {
                    got->ack();
                    taken.add(c);
                }
            }
            in.close(10s);
            result.put_reading({.value = static_cast<double>(now_ns())});
        }));
        all.push_back(std::make_unique<child>([&] {
            leat::context ctx;
            leat::producer<leat::bytes> out{ctx, queue.at, how};
            if (out.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"no queue"};
            const leat::bytes one{std::string(body, 'x')};
            ready.put_text("ready");
            static_cast<void>(begin.take_text());
            for (std::size_t i = 0; i < count / clients; ++i) out.put(one);
            if (out.flush(60s) != 0) throw std::runtime_error{"puts without a verdict"};
            result.put_reading({.value = static_cast<double>(now_ns())});
        }));
    }
    for (std::size_t i = 0; i < all.size(); ++i) static_cast<void>(ready.take_text());
    const auto began = static_cast<double>(now_ns());
    for (std::size_t i = 0; i < clients; ++i) begin.put_text("begin");
    auto ended = began;
    for (std::size_t i = 0; i < all.size(); ++i) ended = std::max(ended, result.take_reading().value);
    return {.value = static_cast<double>(count) / (ended - began) * 1e9};
}

/// The same with a stream of Redis.
reading redis_throughput(std::size_t count) {
    const redis::server server;
    redis::make_stream(server.port());
    channel result;
    const std::string one(body, 'x');
    const auto began = static_cast<double>(now_ns());
    const auto report = [&] { result.put_reading({.value = static_cast<double>(now_ns())}); };
    const child consumer{[&] {
        redis::take_all(server.port(), count, [](std::string_view) {});
        report();
    }};
    const child producer{[&] {
        redis::add_all(server.port(), one, count, window);
        report();
    }};
    const auto ended = std::max(result.take_reading().value, result.take_reading().value);
    return {.value = static_cast<double>(count) / (ended - began) * 1e9};
}

/// Puts at a steady rate, each with the time in it.
template <class Put>
void put_steadily(std::size_t count, std::chrono::nanoseconds each, Put put) {
    auto next = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < count; ++i) {
        std::this_thread::sleep_until(next += each);  // paces
        std::string one(body, 'x');
        const auto now = now_ns();
        std::memcpy(one.data(), &now, sizeof now);
        put(one);
    }
}

/// How long messages were under way.
class delays {
public:
    void add(std::string_view message) {
        std::int64_t put = 0;
        std::memcpy(&put, message.data(), sizeof put);
        all_.push_back(static_cast<double>(now_ns() - put) / 1000);
    }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    /// In microseconds.
    [[nodiscard]] reading percentile(std::size_t part) {
        std::sort(all_.begin(), all_.end());
        return {.value = all_[all_.size() * part / 100]};
    }

private:
    std::vector<double> all_;
};

constexpr std::size_t steady_count = 20'000;
constexpr auto steady_each = 200us;

/// Microseconds from put to delivery, at 5,000 a second.
reading delay(std::size_t percentile) {
    const server queue;
    channel ready, result;
    const child consumer{[&] {
        leat::context ctx;
        leat::consumer<leat::bytes> in{ctx, queue.at, {.queue = "work"}};
        if (in.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"no queue"};
        ready.put_text("ready");
        delays all;
        while (all.size() < steady_count) {
            auto got = in.next(30s);
            if (!got) throw std::runtime_error{"the queue has stopped"};
            all.add((*got)->text());
            got->ack();
        }
        result.put_reading(all.percentile(percentile));
    }};
    static_cast<void>(ready.take_text());
    leat::context ctx;
    leat::producer<leat::bytes> out{ctx, queue.at, {.queue = "work"}};
    if (out.wait_ready(10s) != leat::status::ok) throw std::runtime_error{"no queue"};
    put_steadily(steady_count, steady_each, [&](const std::string& one) { out.put(leat::bytes{one}); });
    if (out.flush(10s) != 0) throw std::runtime_error{"puts without a verdict"};
    return result.take_reading();
}

reading redis_delay(std::size_t percentile) {
    const redis::server server;
    redis::make_stream(server.port());
    channel result;
    const child consumer{[&] {
        delays all;
        redis::take_all(server.port(), steady_count, [&](std::string_view one) { all.add(one); });
        result.put_reading(all.percentile(percentile));
    }};
    redis::client out{server.port()};
    put_steadily(steady_count, steady_each, [&](const std::string& one) { redis::add(out, one); });
    return result.take_reading();
}

}  // namespace

std::vector<pair_case> queue_cases() {
    constexpr std::size_t many = 2'000'000, some = 400'000;
    const leat::producer_options batches{.queue = "work"};
    const leat::producer_options singles{.queue = "work", .max_unconfirmed = window, .batch_messages = 1};
    const auto one = [=] { return throughput(many, 1, batches); };
    std::vector<pair_case> all{{"queue 100 B, four and four against one and one", "msg/s", "one and one", 1.0,
                                false, one, [=] { return throughput(many, 4, batches); }}};
    if (!redis::available()) {
        std::printf("skipped, for there is no redis-server: the queue against its streams\n");
        return all;
    }
    const auto stream = [] { return redis_throughput(some); };
    all.push_back({"queue 100 B", "msg/s", "Redis stream", 5.0, false, stream, one});
    const leat::producer_options narrow{.queue = "work", .max_unconfirmed = window};
    all.push_back({"queue 100 B, window of 1,000", "msg/s", "Redis stream", 5.0, false, stream,
                   [=] { return throughput(many, 1, narrow); }});
    all.push_back({"queue 100 B, frames of one message", "msg/s", "Redis stream", 1.5, false, stream,
                   [=] { return throughput(some, 1, singles); }});
    for (const auto& [part, limit_us] : {std::pair{50U, 100.0}, std::pair{99U, 400.0}}) {
        all.push_back({.name = "queue put to delivery at 5,000/s, p" + std::to_string(part),
                       .unit = "us",
                       .yardstick = "Redis stream",
                       .lower_is_better = true,
                       .theirs = [part = part] { return redis_delay(part); },
                       .ours = [part = part] { return delay(part); },
                       .limit = limit_us});
    }
    return all;
}

}  // namespace bench

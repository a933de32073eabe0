#include "crew.hpp"

#include "processes.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bench {
namespace {

/// Values that this process and its children share.
template <class T>
class shared_values {
public:
    explicit shared_values(std::size_t size)
        : size_(size),
          at_(static_cast<T*>(::mmap(nullptr, std::max<std::size_t>(size, 1) * sizeof(T),
                                     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        if (at_ == MAP_FAILED) throw std::runtime_error{"no shared memory"};
    }
    ~shared_values() { ::munmap(at_, std::max<std::size_t>(size_, 1) * sizeof(T)); }
    shared_values(const shared_values&) = delete;
    shared_values& operator=(const shared_values&) = delete;

    [[nodiscard]] T& operator[](std::size_t i) const { return at_[i]; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    std::size_t size_;
    T* at_;
};

std::int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// Children that are killed at the end, also when it comes early.
class crew {
public:
    void add(const std::function<void()>& body) { all_.push_back(std::make_unique<child>(body)); }
    ~crew() {
        for (const auto& one : all_) one->kill();
    }

private:
    std::vector<std::unique_ptr<child>> all_;
};

void produce(putter& out, const work& job) {
    using namespace std::chrono;
    const auto each = job.rate > 0 ? nanoseconds{static_cast<std::int64_t>(1e9 / job.rate)} : 0ns;
    std::string one(job.what.size, 'x');
    auto next = steady_clock::now();
    for (std::size_t i = 0; i < job.count / job.producers; ++i) {
        if (job.rate > 0) {
            std::this_thread::sleep_until(next += each);  // paces
            const auto now = now_ns();
            std::memcpy(one.data(), &now, sizeof now);
        }
        out.put(one);
    }
    out.flush();
}

}  // namespace

work_done do_work(running_server& with, const work& job) {
    struct alignas(64) slot {
        std::atomic<std::size_t> taken;
    };
    const shared_values<slot> slots{job.consumers};
    const auto all_taken = [&] {
        std::size_t sum = 0;
        for (std::size_t i = 0; i < slots.size(); ++i) sum += slots[i].taken.load(std::memory_order_relaxed);
        return sum;
    };
    const shared_values<double> delays{job.rate > 0 ? job.count : 0};
    shared_values<std::atomic<std::size_t>> seen{1};
    channel ready, begin, result;
    crew all;
    const auto reports = [&](const char* who, auto body) {
        all.add([&, who, body] {
            try {
                result.put_reading({.value = static_cast<double>(body())});
            } catch (const std::exception& failure) {
                std::fprintf(stderr, "  %s: %s\n", who, failure.what());
                ready.put_text("failed");
                result.put_reading({.value = -1});
            }
        });
    };
    for (std::size_t c = 0; c < job.consumers; ++c) {
        reports("consumer", [&, c] {
            const auto in = with.consumer();
            ready.put_text("ready");
            static_cast<void>(begin.take_text());
            const auto look = [&](std::string_view body) {
                if (delays.size() == 0) return;
                std::int64_t put = 0;
                std::memcpy(&put, body.data(), sizeof put);
                const auto place = seen[0].fetch_add(1);
                if (place < delays.size()) delays[place] = static_cast<double>(now_ns() - put) / 1000;
            };
            constexpr int patience = 1200;  // times 50 ms
            for (int idle = 0; all_taken() < job.count;) {
                const auto got = in->take(look);
                slots[c].taken.fetch_add(got, std::memory_order_relaxed);
                idle = got > 0 ? 0 : idle + 1;
                if (idle > patience) throw std::runtime_error{"nothing comes any more"};
            }
            in->finish();
            return now_ns();  // closing does not count
        });
    }
    for (std::size_t p = 0; p < job.producers; ++p) {
        reports("producer", [&] {
            const auto out = with.producer(job.what);
            ready.put_text("ready");
            static_cast<void>(begin.take_text());
            produce(*out, job);
            return now_ns();
        });
    }
    const auto processes = job.producers + job.consumers;
    for (std::size_t i = 0; i < processes; ++i) {
        if (ready.take_text() != "ready") throw std::runtime_error{"a client cannot connect"};
    }
    const auto began = static_cast<double>(now_ns());
    for (std::size_t i = 0; i < processes; ++i) begin.put_text("begin");
    auto ended = began;
    for (std::size_t i = 0; i < processes; ++i) {
        const auto at = result.take_reading().value;
        if (at < 0) throw std::runtime_error{"a client has failed"};
        ended = std::max(ended, at);
    }
    work_done done{.messages = job.count, .seconds = (ended - began) / 1e9};
    for (std::size_t i = 0; i < delays.size(); ++i) done.delays_us.push_back(delays[i]);
    std::sort(done.delays_us.begin(), done.delays_us.end());
    return done;
}

}  // namespace bench

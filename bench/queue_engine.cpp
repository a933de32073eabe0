// What the queue's rules cost a message, without sockets and disk: put, hand-out and ack, by the depth of the
// queue.
//
// Time is for 64 messages of 100 bytes; items_per_second counts messages. `index_bytes` is what a ready
// message takes beside its body.

#include <leat/queue/detail/engine.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace leat::detail::queueing;

constexpr std::size_t batch = 64;
constexpr std::size_t body_size = 100;

class quiet final : public sink {
public:
    void decided(const verdict_range& v) override { benchmark::DoNotOptimize(v.last); }
    void deliver(std::uint32_t, std::span<const delivery_view> all) override {
        for (const auto& one : all) benchmark::DoNotOptimize(one.body.data());
        last = all.back().d;
        given += all.size();
    }
    void committed(std::uint64_t) override {}
    void consumer_lost(std::uint32_t) override {}
    void delivery_lost(std::uint32_t, std::uint64_t) override {}
    void consumer_active(std::uint32_t) override {}
    void producer_parked(std::uint32_t, bool) override {}

    std::uint64_t last = 0, given = 0;
};

/// An engine with one producer and one consumer that go on in passes of 64 messages.
class queue_of_one {
public:
    explicit queue_of_one(std::size_t keys, std::size_t a_frame) : keys_(keys), a_frame_(a_frame) {
        producer_ = engine_.hello_producer({1, 1}, 1).producer;
        consumer_ = engine_.hello({2, 2}).holder;
        frame_ = leat::message{batch * body_size};
        for (std::size_t i = 0; i < batch; ++i) {
            items_.push_back({.body = frame_.view().subspan(i * body_size, body_size)});
        }
        for (std::size_t i = 0; i < keys; ++i) names_.push_back("customer-" + std::to_string(i));
    }

    void put() {
        if (keys_ > 0) {
            for (auto& item : items_) item.key = names_[next_key_++ % keys_];
        }
        for (std::size_t i = 0; i < batch; i += a_frame_) {
            static_cast<void>(
                engine_.put(producer_, number_, number_, std::span{items_}.subspan(i, a_frame_), &frame_));
            number_ += a_frame_;
        }
    }

    void pass(bool take) {
        engine_.begin_pass(now_ += 1000);
        if (take && out_.last > acked_) {
            const number_range done{acked_ + 1, out_.last};
            benchmark::DoNotOptimize(engine_.settle(consumer_, leat::outcome::ack, std::span{&done, 1}));
            acked_ = out_.last;
            engine_.heard(consumer_);
        }
        static_cast<void>(engine_.run_timers());
        put();
        if (take) engine_.grant(consumer_, out_.given + batch, ~std::uint64_t{0});
        static_cast<void>(engine_.hand_out());
    }

    [[nodiscard]] const engine& it() const { return engine_; }

private:
    static leat::queue_rules rules() {
        leat::queue_rules all;
        all.durability = leat::durability::memory;
        all.max_bytes = std::uint64_t{4} << 30;
        return all;
    }

    memory_store store_;
    quiet out_;
    engine engine_{rules(), store_, out_, {.qt = 1}};
    std::size_t keys_, a_frame_;
    std::uint32_t producer_ = 0, consumer_ = 0;
    leat::message frame_;
    std::vector<put_item> items_;
    std::vector<std::string> names_;
    std::uint64_t number_ = 1, acked_ = 0, next_key_ = 0;
    ticks now_ = 0;
};

/// Arguments: depth, keys (0: none), messages a frame.
void put_take_ack(benchmark::State& state) {
    queue_of_one queue{static_cast<std::size_t>(state.range(1)), static_cast<std::size_t>(state.range(2))};
    const auto depth = static_cast<std::uint64_t>(state.range(0));
    while (queue.it().depth().live() + batch <= depth) queue.pass(false);
    const auto ready = queue.it().depth().live();
    if (ready > 0)
        state.counters["index_bytes"] = static_cast<double>(queue.it().memory()) / static_cast<double>(ready);
    for (auto _ : state) queue.pass(true);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

BENCHMARK(put_take_ack)
    ->ArgNames({"depth", "keys", "a_frame"})
    ->Args({10, 0, 64})
    ->Args({10'000, 0, 64})
    ->Args({1'000'000, 0, 64})
    ->Args({10, 0, 1})
    ->Args({1'000'000, 0, 1})
    ->Args({10, 1000, 64})
    ->Args({10'000, 1000, 64})
    ->Args({1'000'000, 1000, 64});

}  // namespace

BENCHMARK_MAIN();

#pragma once

#include <leat/queue/detail/engine.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace queue_rig {

using namespace leat::detail::queueing;

inline constexpr ticks ms = 1'000'000;
inline constexpr ticks second = 1000 * ms;

inline std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}
inline std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A store whose commits last until the test says how they end.
class slow_store final : public store {
public:
    void commit(std::span<const commit_batch* const> queues) override {
        ++started;
        under_way = true;
        last_gone = queues[0]->gone.size();
        last_rows = queues[0]->producers;
        last_ids = queues[0]->ids.size();
        last_doomed = queues[0]->doomed;
        last_counts = queues[0]->counts;
    }
    [[nodiscard]] std::optional<bool> poll() override {
        if (!under_way || !result) return {};
        under_way = false;
        return std::exchange(result, std::nullopt);
    }
    void wait() override {}
    [[nodiscard]] bool immediate() const noexcept override { return false; }
    [[nodiscard]] bool accepts_puts() const noexcept override { return accepts; }
    [[nodiscard]] bool fetch(record&, bool) override { return false; }

    std::uint64_t started = 0;
    std::size_t last_gone = 0, last_ids = 0;
    std::vector<producer_row> last_rows;
    std::vector<letter_row> last_doomed;
    leat::queue_counts last_counts;
    bool under_way = false, accepts = true;
    std::optional<bool> result;
};

/// A delivery with copies of what it showed.
struct delivered {
    std::uint32_t holder;
    std::uint64_t d, seq;
    std::string body, head;
    std::uint32_t attempts, deliveries;
};

/// Keeps what an engine says.
class recorder : public sink {
public:
    void decided(const verdict_range& v) override {
        verdicts.push_back(v);
        if (on_verdict) on_verdict();
    }
    void deliver(std::uint32_t holder, std::span<const delivery_view> batch) override {
        batches.push_back(batch.size());
        for (const auto& one : batch) {
            deliveries.push_back(
                {holder, one.d, one.seq, as_text(one.body), as_text(one.head), one.attempts, one.deliveries});
        }
    }
    void committed(std::uint64_t number) override { outcomes = number; }
    void consumer_lost(std::uint32_t holder) override { lost.push_back(holder); }
    void delivery_lost(std::uint32_t, std::uint64_t d) override { lease_ends.push_back(d); }
    void consumer_active(std::uint32_t holder) override { active.push_back(holder); }
    void producer_parked(std::uint32_t, bool on) override { parked += on ? 1 : -1; }

    std::function<void()> on_verdict = {};
    std::vector<verdict_range> verdicts;
    std::vector<delivered> deliveries;
    std::vector<std::size_t> batches;
    std::vector<std::uint32_t> lost, active;
    std::vector<std::uint64_t> lease_ends;
    std::uint64_t outcomes = 0;
    int parked = 0;
};

/// An engine, and a host that does what a test says.
class rig {
public:
    explicit rig(leat::queue_rules rules = {}, store* keep = nullptr)
        : engine_(rules, keep != nullptr ? *keep : memory_, out,
                  {.salt = 7, .qt = 1000 * second, .now = 5 * second}) {
        engine_.begin_pass(now_);
        producer = engine_.hello_producer({1, 1}, 1).producer;
    }

    [[nodiscard]] engine& operator*() { return engine_; }
    [[nodiscard]] engine* operator->() { return &engine_; }
    [[nodiscard]] ticks now() const { return now_; }

    /// Passes at one time until there is no more to do.
    void settle_down() {
        for (bool more = true; more;) {
            pass();
            more = !engine_.run_timers();
            more = !engine_.hand_out() || more;
        }
    }

    /// Starts the pass in which what follows happens.
    void pass(ticks later = 0) {
        now_ += later;
        engine_.begin_pass(now_);
    }

    /// Goes on in steps that are no stall, with all consumers heard, and hands out each time.
    void go_on(ticks time, ticks step = 100 * ms) {
        for (; time > 0; time -= step) {
            pass(std::min(time, step));
            for (const auto c : consumers) engine_.heard(c);
            hand_out();
        }
    }

    std::uint32_t consumer(std::uint64_t id, std::uint64_t credit = 1 << 20, std::uint64_t bytes = 1 << 30) {
        const auto h = engine_.hello({9, id}).holder;
        engine_.grant(h, credit, bytes);
        consumers.push_back(h);
        return h;
    }

    void put(std::string_view body, put_item item = {}) {
        item.body = as_bytes(body);
        put_as(producer, next_++, item);
    }
    void put_as(std::uint32_t who, std::uint64_t number, put_item item) {
        status = engine_.put(who, number, 1, std::span{&item, 1});
    }

    /// The rest of the pass. Returns what was delivered in it.
    std::vector<delivered> hand_out() {
        out.deliveries.clear();
        out.batches.clear();
        static_cast<void>(engine_.run_timers());
        static_cast<void>(engine_.hand_out());
        return out.deliveries;
    }

    settle_result settle(std::uint32_t h, leat::outcome what, std::uint64_t first, std::uint64_t last = 0,
                         std::optional<ticks> delay = {}) {
        const number_range r{first, last == 0 ? first : last};
        return engine_.settle(h, what, std::span{&r, 1}, delay);
    }

    recorder out;
    std::uint32_t producer = 0;
    std::vector<std::uint32_t> consumers;
    put_status status = put_status::taken;

private:
    memory_store memory_;
    engine engine_;
    ticks now_ = 5 * second;
    std::uint64_t next_ = 1;
};

/// What `I1` adds up, for a queue and its dead letters.
inline bool adds_up(engine& e) {
    const auto& c = e.counts();
    const auto d = e.depth();
    const auto gone = c.acked + c.expired + c.overflow + c.purged + c.discarded + c.dead_sum();
    bool good = c.admitted == d.live() + d.settled + gone + c.failed;
    if (auto* dead = e.dead(); dead != nullptr) {
        const auto& dc = dead->counts();
        const auto dd = dead->depth();
        good = good && c.dead_sum() == dc.admitted &&
               dc.admitted == dd.live() + dd.settled + dc.acked + dc.purged + dc.dead_dropped + dc.redriven;
    }
    return good;
}

}  // namespace queue_rig

#pragma once

#include "queue_model_replay.hpp"

#include <leat/queue/detail/disk_store.hpp>

#include <array>
#include <functional>
#include <optional>

namespace queue_model {

/// A store that the model hears of.
struct test_store final : store {
    model* told = nullptr;
    bool at_once = true;
    std::uint64_t commits = 0;
    std::array<replayed, 2> replay;
    std::optional<snapshot> compare;
    bool under_way = false, answer_now = false, good = true, accepts = true;

    /// Where it is kept, how the next commit ends then, and what the model was at the last good one.
    std::unique_ptr<disk_store> disk = {};
    bool next_good = true;
    std::optional<model> committed = {};

    /// Told before a commit that is to fail and after it; without one, such a commit is not written at all.
    /// Returns whether it may be in the file when it has failed.
    std::function<bool(bool begins)> failing = {};
    bool unsure = false;  ///< One that has failed since the last good one may be.

    void commit(std::span<const commit_batch* const> queues) override {
        under_way = true;
        if (disk) to_disk(queues);
        if (++commits % 4 == 0) compare.emplace(*told);
        for (std::size_t i = 0; i < queues.size(); ++i) replay[i].read(*queues[i]);
        told->commit_started();
    }
    std::optional<bool> poll() override {
        if (!under_way || (!at_once && !answer_now)) return {};
        under_way = answer_now = false;
        if (at_once || good) {
            for (auto& one : replay) one.apply();
            if (compare) {
                if (const auto fault = compare->differs(replay[0], replay[1], !at_once); !fault.empty())
                    told->wrong(fault);
            }
        }
        compare.reset();
        return at_once || good;
    }
    void wait() override {}
    [[nodiscard]] bool immediate() const noexcept override { return at_once; }
    [[nodiscard]] bool accepts_puts() const noexcept override { return accepts; }
    [[nodiscard]] bool fetch(record& rec, bool dead) override { return disk && disk->fetch(rec, dead); }

    /// The queue has ended in the middle of anything. A commit that was under way is good, or was not
    /// written.
    void crash() {
        if (under_way && good) {
            for (auto& one : replay) one.apply();
        }
        compare.reset();
        under_way = answer_now = false;
        disk.reset();
    }

private:
    void to_disk(std::span<const commit_batch* const> queues) {
        good = next_good;
        if (!good && !failing) return;
        const bool may_be_there = !good && failing(true);
        disk->commit(queues);
        disk->wait();
        const auto result = disk->poll();
        if (!good) failing(false);
        if (good && result != true) told->wrong("the store has failed");
        good = result == true;
        unsure = !good && (unsure || may_be_there);
        if (good) committed = *told;
    }
};

/// Tells the model what the engine says.
struct told_sink final : sink {
    model* told = nullptr;
    engine* from = nullptr;
    std::uint64_t committed_to = 0;

    void decided(const verdict_range& v) override { told->on_decided(v); }
    void deliver(std::uint32_t holder, std::span<const delivery_view> batch) override {
        told->on_deliver(holder, batch, *from);
    }
    void committed(std::uint64_t n) override {
        if (n < committed_to) told->wrong("outcomes are committed backwards");
        committed_to = n;
    }
    void consumer_lost(std::uint32_t holder) override {
        for (const auto& c : told->consumers) {
            if (c.handle == holder &&
                told->expect_lost.erase(static_cast<int>(&c - told->consumers.data())) == 0) {
                told->wrong("a consumer is said to be lost and is not");
            }
        }
    }
    void delivery_lost(std::uint32_t, std::uint64_t) override {}
    void consumer_active(std::uint32_t) override {}
    void producer_parked(std::uint32_t, bool) override {}
};

/// The same for the dead letters, and gathers what is there to settle.
struct letter_sink final : sink {
    model* told = nullptr;
    std::vector<std::uint64_t> held;

    void decided(const verdict_range&) override { told->wrong("nobody puts into the dead letters"); }
    void deliver(std::uint32_t, std::span<const delivery_view> batch) override {
        for (const auto& view : batch) {
            told->on_letter(view);
            held.push_back(view.d);
        }
    }
    void committed(std::uint64_t) override {}
    void consumer_lost(std::uint32_t) override { told->wrong("the reader is heard and yet lost"); }
    void delivery_lost(std::uint32_t, std::uint64_t) override { told->wrong("the reader renews"); }
    void consumer_active(std::uint32_t) override {}
    void producer_parked(std::uint32_t, bool) override {}
};

}  // namespace queue_model

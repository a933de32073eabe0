#pragma once

#include <leat/queue/detail/disk_store.hpp>

#include "support/queue_rig.hpp"
#include "support/warnings.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace queue_rig {

/// An engine over a store on disk, and a host that does what a test says. Destroyed without `close` it leaves
/// what a crash leaves: what has been committed.
class stored_queue {
public:
    explicit stored_queue(const std::filesystem::path& directory, leat::queue_rules rules = {},
                          ticks later = 0, std::uint64_t journal = 1 << 20)
        : rules_(rules.resolved(true)),
          store_(options(directory, journal)),
          qt_(std::max(1000 * second, store_.recovered_until()) + later),
          engine_(rules_, store_, out, begin()) {
        auto [queue, dead] = store_.take_recovered();
        engine_.recover(std::move(queue), std::move(dead));
        engine_.begin_pass(now_);
    }

    [[nodiscard]] engine* operator->() { return &engine_; }
    [[nodiscard]] disk_store& store() { return store_; }

    /// A pass in which nothing arrives, and what its commit brings.
    void pass(ticks later = 0) {
        now_ += later;
        engine_.begin_pass(now_);
        finish_pass();
        store_.wait();
        engine_.begin_pass(now_);
        finish_pass();
    }
    void finish_pass() {
        static_cast<void>(engine_.run_timers());
        static_cast<void>(engine_.hand_out());
    }

    /// All that has been done is committed.
    bool commit() { return engine_.finish(now_); }
    void close() {
        engine_.finish(now_);
        store_.close();
    }

    producer_welcome producer(std::uint64_t id = 1, std::uint64_t floor = 1) {
        return engine_.hello_producer({1, id}, floor);
    }
    void put(std::uint32_t who, std::uint64_t number, std::string_view body, put_item item = {}) {
        item.body = as_bytes(body);
        CHECK((engine_.put(who, number, 1, std::span{&item, 1}) == put_status::taken));
    }
    std::uint32_t consumer(std::uint64_t id = 1, bool here = false) {
        const auto h = engine_.hello({9, id}, {}, here).holder;
        engine_.grant(h, 1 << 20, 1 << 30);
        return h;
    }
    void settle(std::uint32_t h, leat::outcome what, std::uint64_t d) {
        const number_range r{d, d};
        static_cast<void>(engine_.settle(h, what, std::span{&r, 1}));
    }

    /// Bodies in the order in which a new consumer gets them; they stay in flight.
    std::vector<std::string> bodies() {
        out.deliveries.clear();
        consumer(77);
        pass();
        std::vector<std::string> all;
        for (const auto& one : out.deliveries) all.push_back(one.body);
        return all;
    }

    recorder out;
    const support::warnings warnings;

private:
    [[nodiscard]] disk_store_options options(const std::filesystem::path& directory,
                                             std::uint64_t journal) const {
        return {.directory = directory,
                .name = "work",
                .map_size = 1 << 30,
                .reserve = 1 << 20,
                .journal = journal,
                .retry = std::chrono::milliseconds{20},
                .id_span = rules_.dedup_window.count(),
                .ids = rules_.dedup_ids,
                .warn = warnings};
    }
    [[nodiscard]] opening begin() const {
        const auto& known = store_.identity();
        opening one{.number = known.openings, .queue = known.queue, .hash_key = known.hash_key};
        one.qt = qt_;
        one.now = now_;
        one.earlier = known.salts;
        std::tie(one.next_seq, one.salt) = known.salts.back();
        one.earlier.pop_back();
        return one;
    }

    leat::queue_rules rules_;
    disk_store store_;
    ticks qt_, now_ = 5 * second;
    engine engine_;
};

}  // namespace queue_rig

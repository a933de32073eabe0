#pragma once

#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/watched_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace power_cut {

using namespace queue_rig;
using leat::outcome;
using leat::verdict;
using support::file_operation;

inline constexpr std::uint64_t last_producer = 2;
inline constexpr std::size_t first_pages = 2 * 4096;  // LMDB's two meta pages: a write there ends a commit

inline bool ends_commit(const file_operation& one) {
    if (one.file == "journal") return one.what == file_operation::kind::sync;
    return one.what == file_operation::kind::write && one.file == "data.mdb" && one.at < first_pages;
}

/// A cut at it may leave the commit that it belongs to.
inline bool may_end_commit(const file_operation& one) {
    return ends_commit(one) || (one.file == "journal" && one.what == file_operation::kind::write);
}

struct sent {
    std::string body, key, id;
    put_item item;
    bool repeats = false;  ///< The id of an earlier one: a duplicate.
    bool too_large = false;

    [[nodiscard]] put_item as_item() const {
        auto one = item;
        one.key = key;
        one.id = id;
        return one;
    }
};

/// What a run has done, and when it was told what: after so many operations on the files.
struct history {
    std::array<std::vector<sent>, last_producer + 1> puts;  ///< By producer; number n is at n - 1.
    std::map<std::string, std::size_t> confirmed;           ///< By body.
    std::map<std::string, std::size_t> acked;               ///< The ack is committed.
    std::set<std::string> may_be_gone;                      ///< Acked or purged, committed or not.
    std::vector<file_operation> operations;
};

inline leat::queue_rules rules_of(leat::durability how) {
    leat::queue_rules rules;
    rules.durability = how;
    rules.max_message = 60'000;
    rules.max_attempts = 2;
    rules.retry = {.first = std::chrono::seconds{2}, .factor = 1, .jitter = 0};
    return rules;
}

/// Does this and that to a queue, closes it or lets it fall, and opens it again.
class script {
public:
    script(leat::durability how, std::uint64_t seed, std::uint64_t journal)
        : rules_(rules_of(how)), journal_(journal), random_(seed), disk_(at_.path()) {}

    history run() {
        for (const int steps : {20, 12, 8}) opening(steps);
        all_.operations = disk_.operations();
        return std::move(all_);
    }

private:
    std::uint64_t below(std::uint64_t n) { return random_() % n; }

    void opening(int steps) {
        stored_queue q{at_.path(), rules_, second, journal_};
        q.out.on_verdict = [&] { told(q.out.verdicts.back()); };
        for (std::uint64_t p = 1; p <= last_producer; ++p) {
            const auto welcome = q.producer(p, floor_[p]);
            handle_[p] = welcome.producer;
            next_[p] = welcome.decided + 1;
        }
        const auto c = q.consumer();
        std::size_t seen = 0;
        acks_.clear();
        for (int step = 0; step < steps; ++step) {
            for (auto n = below(5); n > 0; --n) put(q, 1 + below(last_producer));
            for (; seen < q.out.deliveries.size(); ++seen) settle(q, c, q.out.deliveries[seen]);
            if (below(12) == 0) q->redrive({}, 10);
            if (step == steps / 2) {
                for (const auto& some : all_.puts)
                    for (const auto& one : some) all_.may_be_gone.insert(one.body);
                q->purge();
            }
            q.pass(below(3) == 0 ? second : 20 * ms);
            q.store().wait();
            committed(q);
        }
        if (below(2) == 0) q.close();
    }

    void put(stored_queue& q, std::uint64_t p) {
        auto& all = all_.puts[p];
        const auto n = next_[p]++;
        if (all.size() < n) {
            sent one;
            const std::array<std::size_t, 6> sizes{0, 0, 0, 3'000, 20'000, 50'000};
            one.body = std::to_string(p) + "-" + std::to_string(n) + " " + std::string(sizes[below(6)], 'x');
            if (below(3) == 0) one.key = "key " + std::to_string(below(3));
            // With an interval the first of an id may be lost with its confirm, and another one be stored
            // then.
            if (below(3) == 0 && rules_.durability == leat::durability::commit)
                one.id = "id " + std::to_string(p) + "-" + std::to_string(n);
            if (!one.id.empty() && !ids_[p].empty() && below(2) == 0) {
                one.id = ids_[p][below(ids_[p].size())];
                one.repeats = true;
            } else if (!one.id.empty()) {
                ids_[p].push_back(one.id);
            }
            one.item.priority = static_cast<std::uint8_t>(below(8) == 0 ? 9 : 4);
            if (below(8) == 0) one.item.delay = 3 * second;
            if (!one.repeats && one.id.empty() && below(15) == 0) {
                one.body.append(70'000, 'x');
                one.too_large = true;
            }
            all.push_back(std::move(one));
        }
        const auto& one = all[n - 1];
        q.put(handle_[p], n, one.body, one.as_item());
    }

    void settle(stored_queue& q, std::uint32_t c, const delivered& one) {
        const auto dice = below(10);
        const number_range r{one.d, one.d};
        const auto what = dice < 6   ? outcome::ack
                          : dice < 7 ? outcome::release
                          : dice < 9 ? outcome::retry
                                     : outcome::reject;
        const auto result = q->settle(c, what, std::span{&r, 1}, {}, "why");
        if (what != outcome::ack) return;
        all_.may_be_gone.insert(one.body);
        acks_.emplace_back(result.number, one.body);
    }

    void told(const verdict_range& v) {
        for (std::uint64_t p = 1; p <= last_producer; ++p) {
            if (handle_[p] != v.producer) continue;
            floor_[p] = std::max(floor_[p], v.last + 1);
            for (auto n = v.first; n <= v.last; ++n) {
                const auto& one = all_.puts[p][n - 1];
                CHECK_EQ(v.what == verdict::refused, one.too_large);
                CHECK_EQ(v.what == verdict::duplicate, one.repeats);
                if (v.what == verdict::stored) all_.confirmed.try_emplace(one.body, disk_.count());
            }
        }
    }

    void committed(const stored_queue& q) {
        std::erase_if(acks_, [&](const auto& one) {
            if (one.first > q.out.outcomes) return false;
            all_.acked.try_emplace(one.second, disk_.count());
            return true;
        });
    }

    const support::temporary_directory at_{support::temporary_directory::in_memory()};
    const leat::queue_rules rules_;
    const std::uint64_t journal_;
    std::mt19937_64 random_;
    support::watched_files disk_;
    history all_;
    std::array<std::uint32_t, last_producer + 1> handle_{};
    std::array<std::uint64_t, last_producer + 1> next_{}, floor_{1, 1, 1};
    std::array<std::vector<std::string>, last_producer + 1> ids_;
    std::vector<std::pair<std::uint64_t, std::string>> acks_;
};

}  // namespace power_cut

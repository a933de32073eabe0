#include "durable.hpp"

#include "crew.hpp"
#include "device.hpp"
#include "durable_leat.hpp"
#include "durable_redis.hpp"
#include "measure.hpp"
#include "redis.hpp"

#ifdef LEAT_BENCH_NATS
#include "nats.hpp"
#endif
#ifdef LEAT_BENCH_RABBIT
#include "rabbit.hpp"
#endif

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bench {
namespace {

/// A case: what goes through, and what is wanted of the ratios.
struct durable_case {
    std::string name;
    work job;
    std::map<std::string, double> goals = {};
    double share = 1;                      ///< Of a contender's usual rate that it has about here.
    std::vector<double> percentiles = {};  ///< The results are those of the delays, in microseconds.
    bool redis_only = false;
};

constexpr double steady_rate = 5000;

std::vector<durable_case> cases() {
    const std::string redis = "Redis always", nats = "JetStream";
    return {
        {.name = "durable 100 B", .job = {}, .goals = {{redis, 6}, {nats, 10}}},
        {.name = "durable 1 KiB",
         .job = {.what = {.size = 1024}},
         .goals = {{redis, 8}, {nats, 5}},
         .share = 0.4},
        {.name = "durable 100 B, four and four",
         .job = {.producers = 4, .consumers = 4},
         .goals = {{redis, 6}}},
        {.name = "durable 100 B, frames of one message",
         .job = {.what = {.one_a_frame = true}},
         .goals = {{redis, 2}},
         .share = 0.4,
         .redis_only = true},
        {.name = "durable 100 B, one message at a time",
         .job = {.what = {.window = 1}},
         .goals = {{redis, 0.85}},
         .share = 0.001},
        {.name = "durable put to delivery at 5,000/s",
         .job = {.what = {.at_once = true}, .rate = steady_rate},
         .goals = {{redis, 1}},
         .percentiles = {50, 99}},
    };
}

double percentile_of(const std::vector<double>& ascending, double part) {
    const auto at = static_cast<std::size_t>(static_cast<double>(ascending.size()) * part / 100);
    return ascending.at(std::min(at, ascending.size() - 1));
}

work_done run_once(const durable_run& how, const contender& who, const durable_case& what) {
    work job = what.job;
    const auto rate = job.rate > 0 ? job.rate : std::max(1000.0, who.usual * what.share);
    const auto clients = std::max<std::size_t>(job.producers, 1);
    job.count = std::max<std::size_t>(static_cast<std::size_t>(rate * how.seconds) / clients, 1) * clients;
    const work_directory files{how.directory};
    const auto server = who.start(files.str());
    return do_work(*server, job);
}

/// A list for each contender, a value a round.
using results = std::vector<std::vector<double>>;

comparison compared(const durable_case& what, const std::vector<const contender*>& who, const results& got) {
    comparison out{.name = what.name, .unit = "msg/s"};
    for (std::size_t i = 0; i < who.size(); ++i) {
        std::vector<double> ratios;
        for (std::size_t r = 0; r < got[i].size(); ++r) ratios.push_back(got[0][r] / got[i][r]);
        const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
        entry one{.who = who[i]->name,
                  .value = median(got[i]),
                  .ratio = median(ratios),
                  .low = *low,
                  .high = *high};
        if (const auto goal = what.goals.find(one.who); goal != what.goals.end()) one.goal = goal->second;
        out.entries.push_back(std::move(one));
    }
    return out;
}

}  // namespace

std::vector<contender> durable_contenders(std::vector<std::string>& skipped) {
    std::vector<contender> all{leat_durable()};
    if (redis::available()) {
        all.push_back(redis_durable("always"));
        all.push_back(redis_durable("everysec"));
    } else {
        skipped.emplace_back("Redis streams, there is no redis-server");
    }
#ifdef LEAT_BENCH_NATS
    if (installed("nats-server")) {
        all.push_back(nats_durable());
    } else {
        skipped.emplace_back("NATS JetStream, there is no nats-server");
    }
#else
    skipped.emplace_back("NATS JetStream, built without libnats");
#endif
#ifdef LEAT_BENCH_RABBIT
    if (rabbit_available()) {
        all.push_back(rabbit_durable("classic"));
        all.push_back(rabbit_durable("quorum"));
    } else {
        skipped.emplace_back("RabbitMQ, there is no rabbitmq-server");
    }
#else
    skipped.emplace_back("RabbitMQ, built without librabbitmq");
#endif
    return all;
}

std::vector<contender> startable(const durable_run& how, const std::vector<contender>& all,
                                 std::vector<std::string>& skipped) {
    std::vector<contender> good;
    for (const auto& one : all) {
        try {
            const work_directory files{how.directory};
            static_cast<void>(one.start(files.str()));
            good.push_back(one);
        } catch (const std::exception& failure) {
            if (good.empty()) throw;  // leat itself
            skipped.push_back(one.name + ", it does not start");
            std::fprintf(stderr, "%s does not start: %s\n", one.name.c_str(), failure.what());
        }
    }
    return good;
}

report measure_durable(const durable_run& how, const std::vector<contender>& all) {
    report out{.rounds = how.rounds};
    std::map<std::string, std::vector<double>> delays;
    for (const auto& what : cases()) {
        if (what.name.find(how.only) == std::string::npos) continue;
        std::vector<const contender*> who;
        for (const auto& one : all) {
            if (!what.redis_only || &one == &all.front() || one.name.starts_with("Redis"))
                who.push_back(&one);
        }
        std::vector<results> got(std::max<std::size_t>(what.percentiles.size(), 1), results(who.size()));
        for (int round = 0; round < how.rounds; ++round) {
            for (std::size_t k = 0; k < who.size(); ++k) {
                const auto i =
                    (k + static_cast<std::size_t>(round)) % who.size();  // another begins each time
                const auto done = run_once(how, *who[i], what);
                if (what.percentiles.empty())
                    got[0][i].push_back(static_cast<double>(done.messages) / done.seconds);
                for (std::size_t p = 0; p < what.percentiles.size(); ++p) {
                    got[p][i].push_back(percentile_of(done.delays_us, what.percentiles[p]));
                }
                std::fprintf(stderr, "  %-44s %d/%d  %-16s %.0f\n", what.name.c_str(), round + 1, how.rounds,
                             who[i]->name.c_str(), got[0][i].back());
                auto& seen = delays[who[i]->name];
                seen.insert(seen.end(), done.delays_us.begin(), done.delays_us.end());
            }
        }
        if (what.percentiles.empty()) out.comparisons.push_back(compared(what, who, got[0]));
        for (std::size_t p = 0; p < what.percentiles.size(); ++p) {
            auto one = compared(what, who, got[p]);
            one.name += ", p" + std::to_string(static_cast<int>(what.percentiles[p]));
            one.unit = "us";
            one.lower_is_better = true;
            out.comparisons.push_back(std::move(one));
        }
    }
    for (const auto& one : all) {
        auto& seen = delays[one.name];
        if (seen.empty()) continue;
        std::sort(seen.begin(), seen.end());
        curve line{.who = one.name};
        for (const double part : {1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9}) {
            line.us_by_percentile[part] = percentile_of(seen, part);
        }
        out.curves.push_back(std::move(line));
    }
    return out;
}

sync_row count_syncs(const durable_run& how, const contender& who) {
    const work_directory files{how.directory};
    const auto server = who.start(files.str());
    const work job{.what = {.window = 1}, .count = 100, .consumers = 0};
    const auto before = flushes_of(how.directory);
    sync_count counting{server->processes(), files.str()};
    static_cast<void>(do_work(*server, job));
    sync_row out{.who = who.name, .puts = job.count, .syncs = counting.stop()};
    const auto after = flushes_of(how.directory);
    if (before && after) out.flushes = std::to_string(*after - *before);
    std::fprintf(stderr, "  %zu puts one at a time: %-16s %zu syncs\n", out.puts, out.who.c_str(), out.syncs);
    return out;
}

}  // namespace bench

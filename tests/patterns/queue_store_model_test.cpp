// Random operation sequences on an engine over a store on disk, which end now and then and are opened again;
// compared with the model, of which only what was committed is left then. By hand, with any seed:
//
//     LEAT_MODEL_SEED=4711 LEAT_MODEL_STEPS=1000000 patterns_queue_store_model_test

#include "queue_model_run.hpp"

#include "support/watched_files.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>

using namespace queue_model;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void on_disk(leat::queue_rules& r) {
    r.durability = leat::durability::commit;
    r.dedup_ids = 1000;  // which ids have made room is counted with the next commit
}

const std::vector<rule_set> stored_sets = {
    {.name = "keys, priorities, delays, reject", .change = on_disk},
    {.name = "no keys, block",
     .change =
         [](auto& r) {
             on_disk(r);
             r.overflow = queue_overflow::block;
             r.max_messages = 20;
         },
     .keys = 0},
    {.name = "drop_oldest, ttl",
     .change =
         [](auto& r) {
             on_disk(r);
             r.overflow = queue_overflow::drop_oldest;
             r.max_messages = 25;
             r.ttl = 3s;
         }},
    {.name = "ttl to the dead letters",
     .change =
         [](auto& r) {
             on_disk(r);
             r.ttl = 4s;
             r.on_expiry = leat::on_expiry::dead_letter;
             r.max_dead_messages = 100'000;
         },
     .delays = 30},
    {.name = "dead letters full: stop",
     .change =
         [](auto& r) {
             on_disk(r);
             r.max_dead_messages = 5;
             r.max_attempts = 2;
         },
     .losses = 25},
    {.name = "interval, keys",
     .change = [](auto& r) { r.durability = leat::durability::interval; },
     .ids = 0},
    {.name = "interval, drop_oldest, ttl, dead letters full: drop",
     .change =
         [](auto& r) {
             r.durability = leat::durability::interval;
             r.overflow = queue_overflow::drop_oldest;
             r.max_messages = 30;
             r.max_dead_messages = 5;
             r.max_attempts = 2;
             r.dead_full = leat::dead_full::drop_oldest;
         },
     .ids = 0},
    {.name = "a reader of the dead letters",
     .change =
         [](auto& r) {
             on_disk(r);
             r.max_dead_messages = 100;
             r.max_attempts = 2;
         },
     .reader = true},
};

}  // namespace

TEST_CASE("a queue on disk is what was committed last, whenever it is opened again") {
    const auto seed = from_environment("LEAT_MODEL_SEED", 1);
    const auto steps = from_environment("LEAT_MODEL_STEPS", 8'000);
    for (auto set : stored_sets) {
        set.slow = set.disk = true;
        run one{set, seed};
        const auto fault = one.steps(steps);
        const std::string name = set.name;
        CHECK_MESSAGE(fault.empty(), name << ", seed " << seed << ": " << fault);
        CHECK_GT(one.openings(), 10);
    }
}

TEST_CASE("a queue whose device fails now and then is what was committed last, whenever it is opened again") {
    const auto seed = from_environment("LEAT_MODEL_SEED", 1);
    const auto steps = from_environment("LEAT_MODEL_STEPS", 8'000);
    std::uint64_t failed = 0, landed = 0;
    for (auto set : stored_sets) {
        set.slow = set.disk = true;
        run one{set, seed};
        support::watched_files device{one.directory()};
        std::mt19937_64 random{seed};
        one.fail_by([&](bool begins) {
            device.ask({});
            if (!begins) return false;
            // One operation fails, and with or without having been done; the others work, or none does.
            const auto at = random() % 7;
            const support::file_answer first{.error = random() % 2 == 0 ? EIO : ENOSPC,
                                             .done = random() % 3 == 0};
            const support::file_answer later{.error = random() % 2 == 0 ? EIO : 0, .done = false};
            ++failed;
            if (first.done) ++landed;
            device.ask([=, seen = std::uint64_t{0}](const support::file_operation&) mutable {
                const auto n = seen++;
                return n < at ? support::file_answer{} : n == at ? first : later;
            });
            return first.done;
        });
        const auto fault = one.steps(steps);
        const std::string name = set.name;
        CHECK_MESSAGE(fault.empty(), name << ", seed " << seed << ": " << fault);
        CHECK_GT(one.openings(), 5);
    }
    CHECK_GT(failed, 100);
    CHECK_GT(landed, 20);
}

// Random operation sequences, on the engine and on the model. By hand, with any seed:
//
//     LEAT_MODEL_SEED=4711 LEAT_MODEL_STEPS=1000000 patterns_queue_engine_model_test

#include "queue_model_run.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

using namespace queue_model;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("the engine does what the model does, whatever happens") {
    const auto seed = from_environment("LEAT_MODEL_SEED", 1);
    const auto steps = from_environment("LEAT_MODEL_STEPS", 100'000);
    for (const auto& set : sets) {
        run one{set, seed};
        const auto fault = one.steps(steps);
        const auto& c = one.counts();
        const std::string name = set.name;
        MESSAGE(name << ", seed " << seed << ": " << c.admitted << " admitted, " << c.deliveries
                     << " delivered, " << c.acked << " acked, " << c.late_acks << " late, " << c.lost
                     << " lost, " << c.dead_sum() << " dead, " << c.refused_sum() << " refused, " << c.failed
                     << " failed");
        CHECK_MESSAGE(fault.empty(), name << ", seed " << seed << ": " << fault);
    }
}

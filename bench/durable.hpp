#pragma once

#include "contender.hpp"
#include "report.hpp"

#include <string>
#include <vector>

namespace bench {

/// What the durable queue is measured by.
struct durable_run {
    std::string directory;  ///< Where all contenders keep their files.
    std::string only = {};  ///< A part of the names of the cases to be measured.
    int rounds = 3;
    double seconds = 2;       ///< That a throughput run takes, about.
    std::size_t backlog = 0;  ///< Messages; 0: the depth is not measured.
};

/// leat first; then those that are installed. The others go into `skipped`.
[[nodiscard]] std::vector<contender> durable_contenders(std::vector<std::string>& skipped);

/// Those of them that do start there; the others go into `skipped`, and leat throws.
[[nodiscard]] std::vector<contender> startable(const durable_run& how, const std::vector<contender>& all,
                                               std::vector<std::string>& skipped);

/// Each case: round by round, all contenders in turn.
[[nodiscard]] report measure_durable(const durable_run& how, const std::vector<contender>& all);

/// What is measured of leat alone: write amplification, an idle queue, depth.
[[nodiscard]] std::vector<finding> measure_store(const durable_run& how);

/// The contender's syncs while 100 messages are put, each after the confirm of the one before.
[[nodiscard]] sync_row count_syncs(const durable_run& how, const contender& who);

}  // namespace bench

#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bench {

/// What one run of one contender measured.
struct reading {
    double value = 0;     ///< In the case's unit: messages a second, or microseconds.
    double cpu_ns = 0;    ///< Processor time of the receiving process a message, where the case measures it.
    double peak_mib = 0;  ///< Peak memory, where the case measures it.
};

using run = std::function<reading()>;

/// Two contenders for the same job, run in turn.
struct pair_case {
    std::string name;
    std::string unit;
    std::string yardstick;
    double goal = 0;  ///< The ratio leat : yardstick that is wanted.
    bool lower_is_better = false;
    run theirs;
    run ours;
    double limit = 0;  ///< If set, leat's own value has to keep to it, and the ratio is only shown.
};

struct outcome {
    std::string name, unit, yardstick;
    double theirs = 0, ours = 0;          ///< Medians.
    double ratio = 0, low = 0, high = 0;  ///< Median, lowest and highest of the pairs' ratios.
    double cpu_theirs = 0, cpu_ours = 0;  ///< Medians, 0 where not measured.
    double goal = 0;
    bool lower_is_better = false;
    double limit = 0;
    [[nodiscard]] bool reached() const {
        if (limit > 0) return lower_is_better ? ours <= limit : ours >= limit;
        return lower_is_better ? ratio <= goal : ratio >= goal;
    }
};

/// Runs both in turn, `pairs` times after one warm-up each, and swaps who goes first.
[[nodiscard]] outcome compare(const pair_case& what, int pairs);

void print_table(const std::vector<outcome>& all);
void write_json(const std::vector<outcome>& all, const std::string& path, int pairs);

[[nodiscard]] double median(std::vector<double> values);

}  // namespace bench

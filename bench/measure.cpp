#include "measure.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace bench {

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

outcome compare(const pair_case& what, int pairs) {
    std::vector<double> theirs, ours, ratios, cpu_theirs, cpu_ours;
    for (int i = -1; i < pairs; ++i) {
        reading a, b;
        if (i % 2 == 0) {
            a = what.theirs();
            b = what.ours();
        } else {
            b = what.ours();
            a = what.theirs();
        }
        std::fprintf(stderr, "  %-44s %d/%d  %s %.0f, leat %.0f %s\n", what.name.c_str(), i + 1, pairs,
                     what.yardstick.c_str(), a.value, b.value, what.unit.c_str());
        if (i < 0) continue;
        theirs.push_back(a.value);
        ours.push_back(b.value);
        ratios.push_back(b.value / a.value);
        cpu_theirs.push_back(a.cpu_ns);
        cpu_ours.push_back(b.cpu_ns);
    }
    const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
    return {what.name, what.unit, what.yardstick,     median(theirs),   median(ours), median(ratios),
            *low,      *high,     median(cpu_theirs), median(cpu_ours), what.goal,    what.lower_is_better,
            what.limit};
}

void print_table(const std::vector<outcome>& all) {
    std::printf("%-44s %12s %12s  %-12s %7s  %13s  %9s\n", "case", "yardstick", "leat", "unit", "ratio",
                "spread", "goal");
    for (const auto& one : all) {
        std::printf("%-44s %12.0f %12.0f  %-12s %7.2f  %5.2f - %5.2f  %s %5.2f %s\n", one.name.c_str(),
                    one.theirs, one.ours, one.unit.c_str(), one.ratio, one.low, one.high,
                    one.lower_is_better ? "<=" : ">=", one.limit > 0 ? one.limit : one.goal,
                    one.reached() ? "reached" : "missed");
        if (one.cpu_ours > 0) {
            std::printf("%-44s %12.0f %12.0f  %-12s %7.2f\n", "  receiver's processor time", one.cpu_theirs,
                        one.cpu_ours, "ns/message", one.cpu_ours / one.cpu_theirs);
        }
    }
}

void write_json(const std::vector<outcome>& all, const std::string& path, int pairs) {
    std::FILE* out = std::fopen(path.c_str(), "w");
    if (out == nullptr) throw std::runtime_error{"cannot write " + path};
    std::fprintf(out, "{\"pairs\": %d, \"cases\": [", pairs);
    const char* separator = "\n";
    for (const auto& one : all) {
        std::fprintf(
            out,
            "%s  {\"name\": \"%s\", \"unit\": \"%s\", \"yardstick\": \"%s\", \"theirs\": %.1f, \"leat\": "
            "%.1f, "
            "\"ratio\": %.4f, \"lowest\": %.4f, \"highest\": %.4f, \"goal\": %.2f, \"lower_is_better\": %s, "
            "\"limit\": %.1f, "
            "\"receiver_cpu_ns_theirs\": %.1f, \"receiver_cpu_ns_leat\": %.1f}",
            separator, one.name.c_str(), one.unit.c_str(), one.yardstick.c_str(), one.theirs, one.ours,
            one.ratio, one.low, one.high, one.goal, one.lower_is_better ? "true" : "false", one.limit,
            one.cpu_theirs, one.cpu_ours);
        separator = ",\n";
    }
    std::fprintf(out, "\n]}\n");
    if (std::fclose(out) != 0) throw std::runtime_error{"cannot write " + path};
}

}  // namespace bench

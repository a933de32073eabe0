#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// As printf does; at most 1,023 bytes.
[[nodiscard, gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...);

/// One contender's part in a case.
struct entry {
    std::string who;
    double value = 0;                     ///< Median of the rounds, in the case's unit.
    double ratio = 0, low = 0, high = 0;  ///< leat : it, median, lowest and highest of the rounds.
    std::optional<double> goal = {};      ///< For the ratio.
};

/// A case that all contenders, or some, were measured in. leat is the first.
struct comparison {
    std::string name, unit;
    bool lower_is_better = false;
    std::vector<entry> entries = {};

    [[nodiscard]] bool reached(const entry& one) const {
        return !one.goal || (lower_is_better ? one.ratio <= *one.goal : one.ratio >= *one.goal);
    }
};

/// The shape of a contender's delays: microseconds by percentile.
struct curve {
    std::string who;
    std::map<double, double> us_by_percentile = {};
};

/// Whether a contender's confirm waits for the disk.
struct sync_row {
    std::string who;
    std::size_t puts = 0, syncs = 0;
    std::string flushes = {};  ///< Of the device meanwhile, by everybody.
    [[nodiscard]] bool before_confirm() const { return syncs >= puts; }
};

/// Something that is measured of leat alone.
struct finding {
    std::string what, value, goal;
    bool reached = true;
};

struct report {
    std::string command = {}, date = {}, machine = {}, place = {}, load = {};
    int rounds = 0;
    std::vector<comparison> comparisons = {};
    std::vector<curve> curves = {};
    std::vector<sync_row> syncs = {};
    std::vector<finding> findings = {};
    std::vector<std::string> skipped = {};
};

/// The processor and the kernel of this machine, in a line.
[[nodiscard]] std::string this_machine();
[[nodiscard]] std::string today();
/// The load average of the last minute: much of it means that others were measured too.
[[nodiscard]] std::string load_now();

/// Tables in Markdown.
[[nodiscard]] std::string as_markdown(const report& all);
[[nodiscard]] std::string as_json(const report& all);
/// Bars for what is better the more there is of it, and the curves.
[[nodiscard]] std::string as_svg(const report& all);

/// @throws std::runtime_error
void write_text(const std::string& path, const std::string& text);

/// Puts the text between the lines `<!-- measured -->` and `<!-- end of measured -->` of a page.
/// @throws std::runtime_error when the page has no such lines
void write_into_page(const std::string& path, const std::string& text);

}  // namespace bench

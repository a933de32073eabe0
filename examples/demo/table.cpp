#include "table.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace demo {
namespace {

constexpr std::chrono::milliseconds interval{100};
constexpr std::size_t most_kinds = 8;

std::string row(const std::string& name, const counts& part, const counts& all) {
    const double share =
        all.lines == 0 ? 0 : 100 * static_cast<double>(part.lines) / static_cast<double>(all.lines);
    char text[160];
    std::snprintf(text, sizeof text, "  %-10s %14s lines %16s bytes %6.1f %%", name.c_str(),
                  with_commas(part.lines).c_str(), with_commas(part.bytes).c_str(), share);
    return text;
}

std::string kinds_row(const counts& all) {
    std::vector<std::pair<std::string, std::uint64_t>> kinds{all.kinds.begin(), all.kinds.end()};
    std::stable_sort(kinds.begin(), kinds.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text = "  kinds     ";
    for (std::size_t i = 0; i < std::min(kinds.size(), most_kinds); ++i)
        text += (i > 0 ? ", " : " ") + kinds[i].first + " " + with_commas(kinds[i].second);
    if (kinds.size() > most_kinds) text += ", " + std::to_string(kinds.size() - most_kinds) + " more";
    return text;
}

}  // namespace

std::string with_commas(std::uint64_t number) {
    auto text = std::to_string(number);
    for (auto at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
    return text;
}

table::table() : live_(::isatty(STDOUT_FILENO) != 0) {}

void table::show(const picture& now) {
    if (!live_ || clock::now() < next_) return;
    next_ = clock::now() + interval;
    print(now);
}

void table::finish(const picture& now) {
    print(now);
}

void table::print(const picture& now) {
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < now.workers.size(); ++i)
        rows.push_back(row("worker " + std::to_string(i + 1), now.workers[i], now.counted));
    rows.push_back(row("counted", now.counted, now.counted));
    if (now.shipped.lines > 0) rows.push_back(row("shipped", now.shipped, now.shipped));
    const auto seconds = std::chrono::duration<double>(clock::now() - start_).count();
    rows.push_back("  rate       " +
                   with_commas(static_cast<std::uint64_t>(static_cast<double>(now.counted.lines) /
                                                          std::max(seconds, 1e-3))) +
                   " lines/s");
    rows.push_back(kinds_row(now.counted));
    if (printed_ > 0) std::printf("\033[%zuA", printed_);
    for (const auto& one : rows) std::printf("%s%s\n", one.c_str(), live_ ? "\033[K" : "");
    std::fflush(stdout);
    printed_ = rows.size();
}

}  // namespace demo

#include "config_faults.hpp"

#include "parse.hpp"

#include <algorithm>

namespace leat::command {

std::string config_faults::text() const {
    constexpr std::size_t most = 20;
    auto sorted = all_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string lines;
    for (std::size_t i = 0; i < sorted.size() && i < most; ++i) {
        lines +=
            (i > 0 ? "\n" : "") + file_ + ":" + std::to_string(sorted[i].first) + ": " + sorted[i].second;
    }
    if (sorted.size() > most) lines += "\n" + file_ + ": " + count_of(sorted.size() - most, "more fault");
    return lines;
}

void config_faults::check() const {
    if (!all_.empty()) throw usage_error{text()};
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 100;
    std::string shown{text.substr(0, longest)};
    for (auto& letter : shown) {
        const auto code = static_cast<unsigned char>(letter);
        if (code < 0x20 || code == 0x7f) letter = '?';
    }
    return "'" + shown + (text.size() > longest ? "...'" : "'");
}

}  // namespace leat::command

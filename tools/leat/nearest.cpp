#include "nearest.hpp"

#include <algorithm>
#include <cstddef>

namespace leat::command {
namespace {

/// The optimal string alignment distance: insertions, deletions, changes and swaps of neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view typed, const std::vector<std::string>& names) {
    constexpr std::size_t longest = 64;
    if (typed.empty() || typed.size() > longest) return {};
    std::string best;
    auto least = std::max<std::size_t>(2, typed.size() / 3) + 1;
    for (const auto& name : names) {
        const auto begins = typed.size() > 2 && std::string_view{name}.starts_with(typed);
        const auto far = begins ? 1 : distance(typed, name);
        if (far >= least || far >= name.size()) continue;
        least = far;
        best = name;
    }
    return best;
}

}  // namespace leat::command

#include "report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>

namespace bench {
namespace {

constexpr double width = 860, left = 230, right = 110, row = 18, gap = 30;

std::string words(double x, double y, const char* anchor, const std::string& what, const char* more = "") {
    return formatted("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, more,
                     what.c_str());
}

/// Each system has a colour, the same in all parts of the picture.
class colours {
public:
    const char* of(const std::string& who) {
        constexpr std::array all{"#1b6ca8", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#7a7a7a"};
        return all[numbers_.try_emplace(who, numbers_.size()).first->second % all.size()];
    }

private:
    std::map<std::string, std::size_t> numbers_;
};

/// Bars, each case with a scale of its own.
double bars(const report& all, colours& colour, double y, std::string& out) {
    for (const auto& one : all.comparisons) {
        if (one.lower_is_better || one.entries.empty()) continue;
        out += words(8, y + 14, "start", one.name + ", " + one.unit, " font-weight=\"bold\"");
        y += 22;
        const auto most =
            std::max_element(one.entries.begin(), one.entries.end(), [](const entry& a, const entry& b) {
                return a.value < b.value;
            })->value;
        for (const auto& part : one.entries) {
            const double length = (width - left - right) * part.value / most;
            out += words(left - 8, y + row - 5, "end", part.who);
            out += formatted("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
                             left, y + 1, length, row - 4, colour.of(part.who));
            out += words(left + length + 6, y + row - 5, "start", formatted("%.0f", part.value));
            y += row;
        }
        y += gap - row;
    }
    return y;
}

/// Delay by percentile; both axes are logarithmic, that of the percentiles in what is beyond them.
double curves(const report& all, colours& colour, double y, std::string& out) {
    if (all.curves.empty()) return y;
    constexpr double height = 300;
    constexpr std::array shown{50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9};
    double least = 1e12, most = 1;
    for (const auto& line : all.curves) {
        for (const double part : shown) {
            least = std::min(least, line.us_by_percentile.at(part));
            most = std::max(most, line.us_by_percentile.at(part));
        }
    }
    least = std::pow(10, std::floor(std::log10(std::max(least, 1.0))));
    most = std::pow(10, std::ceil(std::log10(most)));
    const double x0 = 90, x1 = width - right - 60, y0 = y + 30, y1 = y0 + height;
    const auto across = [&](double part) {
        const double begin = std::log10(100 - shown.front()), end = std::log10(100 - shown.back());
        return x0 + (x1 - x0) * (std::log10(100 - part) - begin) / (end - begin);
    };
    const auto up = [&](double us) {
        return y1 - height * (std::log10(us) - std::log10(least)) / (std::log10(most) - std::log10(least));
    };
    out += words(8, y + 14, "start", "put to delivery at 5,000 messages/s, microseconds by percentile",
                 " font-weight=\"bold\"");
    for (const double part : shown) {
        out += formatted("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n",
                         across(part), y0, across(part), y1);
        out += words(across(part), y1 + 16, "middle", formatted("%g", part));
    }
    for (double us = least; us <= most * 1.01; us *= 10) {
        out += formatted("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", x0,
                         up(us), x1, up(us));
        out += words(x0 - 6, up(us) + 4, "end", formatted("%.0f", us));
    }
    double name_at = y0 + 10;
    for (const auto& line : all.curves) {
        std::string points;
        for (const double part : shown) {
            points += formatted("%.1f,%.1f ", across(part), up(line.us_by_percentile.at(part)));
        }
        out += formatted("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n",
                         points.c_str(), colour.of(line.who));
        out += formatted("<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", x1 + 14,
                         name_at - 10, colour.of(line.who));
        out += words(x1 + 32, name_at, "start", line.who);
        name_at += row;
    }
    return y1 + gap;
}

}  // namespace

std::string as_svg(const report& all) {
    colours colour;
    std::string parts;
    double y = 34;
    y = bars(all, colour, y, parts);
    y = curves(all, colour, y, parts);
    const auto title = all.date + ", " + all.machine + ", " + all.place;
    return formatted(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
               "font-family=\"sans-serif\" "
               "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
               width, y + 10) +
           words(8, 18, "start", title, " fill=\"#555\"") + parts + "</svg>\n";
}

}  // namespace bench

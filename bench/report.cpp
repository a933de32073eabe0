#include "report.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bench {

std::string formatted(const char* format, ...) {
    std::array<char, 1024> out{};
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(out.data(), out.size(), format, arguments);
    va_end(arguments);
    return out.data();
}

namespace {

/// 1234567 as 1,234,567.
std::string grouped(double value) {
    auto digits = formatted("%.0f", value);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

std::string quoted(const std::string& words) {
    std::string out = "\"";
    for (const char c : words) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string goal_of(const comparison& in, const entry& one) {
    if (!one.goal) return "";
    return formatted("%s %.2f %s", in.lower_is_better ? "at most" : "at least", *one.goal,
                     in.reached(one) ? "reached" : "**missed**");
}

/// The items with commas between them and a bracket at each end.
template <class Items, class Print>
std::string listed(const Items& items, Print print) {
    std::string out = "[";
    for (const auto& one : items) out += (out.size() > 1 ? ",\n    " : "\n    ") + print(one);
    return out + "]";
}

}  // namespace

std::string this_machine() {
    std::string model = "an unknown processor";
    std::ifstream in{"/proc/cpuinfo"};
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("model name")) model = line.substr(line.find(':') + 2);
    }
    utsname kernel{};
    ::uname(&kernel);
    return formatted("%ld cores of %s, %s %s", ::sysconf(_SC_NPROCESSORS_ONLN), model.c_str(), kernel.sysname,
                     kernel.release);
}

std::string load_now() {
    double load = 0;
    if (::getloadavg(&load, 1) != 1) return "unknown";
    return formatted("%.1f", load);
}

std::string today() {
    const auto now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    return formatted("%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string as_markdown(const report& all) {
    std::string out = formatted(
        "`%s` on %s, medians of %d round%s.\n\nMachine: %s. Files on %s. Load average when it began: %s.\n",
        all.command.c_str(), all.date.c_str(), all.rounds, all.rounds == 1 ? "" : "s", all.machine.c_str(),
        all.place.c_str(), all.load.c_str());
    for (const auto& one : all.skipped) out += "\nSkipped: " + one + "\n";
    if (!all.comparisons.empty())
        out +=
            "\n| case | system | result | unit | leat : it | lowest to highest | goal |\n"
            "|---|---|--:|---|--:|---|---|\n";
    for (const auto& one : all.comparisons) {
        for (const auto& part : one.entries) {
            const bool leat = &part == &one.entries.front();
            out += formatted("| %s | %s | %s | %s |", leat ? one.name.c_str() : "", part.who.c_str(),
                             grouped(part.value).c_str(), one.unit.c_str());
            out += leat ? " | | |\n"
                        : formatted(" %.2f | %.2f to %.2f | %s |\n", part.ratio, part.low, part.high,
                                    goal_of(one, part).c_str());
        }
    }
    if (!all.syncs.empty())
        out +=
            "\n| system | puts, one at a time | syncs of the server | flushes of the device | syncs before "
            "it "
            "confirms |\n|---|--:|--:|--:|---|\n";
    for (const auto& one : all.syncs) {
        out += formatted("| %s | %zu | %zu | %s | %s |\n", one.who.c_str(), one.puts, one.syncs,
                         one.flushes.c_str(), one.before_confirm() ? "yes" : "no");
    }
    if (!all.findings.empty()) out += "\n| leat alone | result | goal |\n|---|---|---|\n";
    for (const auto& one : all.findings) {
        out += formatted("| %s | %s | %s %s |\n", one.what.c_str(), one.value.c_str(), one.goal.c_str(),
                         one.reached ? "reached" : "**missed**");
    }
    return out;
}

std::string as_json(const report& all) {
    const auto of_entry = [](const comparison& in, const entry& one) {
        return formatted(
                   "{\"who\": %s, \"value\": %.1f, \"ratio\": %.4f, \"lowest\": %.4f, \"highest\": %.4f, ",
                   quoted(one.who).c_str(), one.value, one.ratio, one.low, one.high) +
               "\"goal\": " + (one.goal ? formatted("%.2f", *one.goal) : "null") +
               ", \"reached\": " + (in.reached(one) ? "true" : "false") + "}";
    };
    const auto of_comparison = [&](const comparison& one) {
        return "{\"name\": " + quoted(one.name) + ", \"unit\": " + quoted(one.unit) +
               ", \"lower_is_better\": " + (one.lower_is_better ? "true" : "false") + ", \"systems\": " +
               listed(one.entries, [&](const entry& part) { return of_entry(one, part); }) + "}";
    };
    const auto of_curve = [](const curve& one) {
        return "{\"who\": " + quoted(one.who) + ", \"us\": " +
               listed(one.us_by_percentile,
                      [](const auto& point) { return formatted("[%g, %.1f]", point.first, point.second); }) +
               "}";
    };
    const auto of_sync = [](const sync_row& one) {
        return formatted("{\"who\": %s, \"puts\": %zu, \"syncs\": %zu, \"before_confirm\": %s}",
                         quoted(one.who).c_str(), one.puts, one.syncs,
                         one.before_confirm() ? "true" : "false");
    };
    const auto of_finding = [](const finding& one) {
        return "{\"what\": " + quoted(one.what) + ", \"value\": " + quoted(one.value) +
               ", \"goal\": " + quoted(one.goal) + ", \"reached\": " + (one.reached ? "true" : "false") + "}";
    };
    return "{\"command\": " + quoted(all.command) + ", \"date\": " + quoted(all.date) +
           ", \"machine\": " + quoted(all.machine) + ", \"place\": " + quoted(all.place) +
           ", \"load\": " + quoted(all.load) + formatted(", \"rounds\": %d", all.rounds) +
           ",\n  \"cases\": " + listed(all.comparisons, of_comparison) +
           ",\n  \"delays\": " + listed(all.curves, of_curve) +
           ",\n  \"syncs\": " + listed(all.syncs, of_sync) +
           ",\n  \"leat\": " + listed(all.findings, of_finding) +
           ",\n  \"skipped\": " + listed(all.skipped, [](const std::string& one) { return quoted(one); }) +
           "}\n";
}

void write_text(const std::string& path, const std::string& words) {
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    out << words;
    out.close();
    if (!out) throw std::runtime_error{"cannot write " + path};
}

void write_into_page(const std::string& path, const std::string& words) {
    std::ostringstream was;
    was << std::ifstream{path}.rdbuf();
    const auto page = was.str();
    const std::string from = "<!-- measured -->\n", to = "<!-- end of measured -->\n";
    const auto begin = page.find(from), end = page.find(to);
    if (begin == std::string::npos || end == std::string::npos || end < begin)
        throw std::runtime_error{path + " has no place for what was measured"};
    write_text(path, page.substr(0, begin + from.size()) + words + page.substr(end));
}

}  // namespace bench

#include "parse.hpp"

#include <leat/error.hpp>
#include <leat/pubsub/topic.hpp>

#include <charconv>
#include <cmath>
#include <limits>

namespace leat::command {
namespace {

[[noreturn]] void refuse(std::string_view option, std::string_view text, const std::string& right) {
    throw usage_error{std::string{option} + " '" + std::string{text} + "': " + right};
}

struct quantity {
    double number;
    std::string_view unit;
};

/// Splits "1.5GiB". The number is neither negative nor infinite.
quantity split(std::string_view option, std::string_view text, const std::string& right) {
    quantity found{};
    const auto* end = text.data() + text.size();
    const auto [rest, wrong] = std::from_chars(text.data(), end, found.number, std::chars_format::fixed);
    if (wrong != std::errc{} || !std::isfinite(found.number) || std::signbit(found.number))
        refuse(option, text, right);
    found.unit = {rest, static_cast<std::size_t>(end - rest)};
    return found;
}

}  // namespace

std::chrono::microseconds parse_duration(std::string_view option, std::string_view text) {
    const std::string right = "is not a duration; write a number and its unit, as in 500ms, 2s, 1.5m or 1h";
    constexpr std::array<std::pair<std::string_view, double>, 6> units{
        {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}}};
    constexpr double most = 365 * 86400e6;
    const auto [number, unit] = split(option, text, right);
    for (const auto& [name, factor] : units) {
        if (name != unit) continue;
        if (number * factor > most) refuse(option, text, "is longer than 365d");
        return std::chrono::microseconds{std::llround(number * factor)};
    }
    if (unit.empty())
        refuse(option, text,
               "has no unit; write " + std::string{text} + "s, " + std::string{text} + "ms or the like");
    refuse(option, text, right);
}

std::size_t parse_size(std::string_view option, std::string_view text) {
    const std::string right = "is not a size; write bytes, as in 4096, or 64KiB or 1M";
    auto [number, unit] = split(option, text, right);
    double factor = 1;
    if (!unit.empty() && unit != "B") {
        const auto power = std::string_view{"kKMG"}.find(unit.front());
        if (power == std::string_view::npos) refuse(option, text, right);
        unit.remove_prefix(1);
        if (!unit.empty() && unit != "iB" && unit != "B") refuse(option, text, right);
        factor = std::array{1024.0, 1024.0, 1048576.0, 1073741824.0}[power];
    }
    const double bytes = number * factor;
    if (bytes != std::floor(bytes)) refuse(option, text, "is not a whole number of bytes");
    if (bytes > 1e15) refuse(option, text, "is more than any memory");
    return static_cast<std::size_t>(bytes);
}

std::uint64_t parse_count(std::string_view option, std::string_view text) {
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, wrong] = std::from_chars(text.data(), end, number);
    if (wrong != std::errc{} || rest != end || number == 0)
        refuse(option, text, "is not a count; write a whole number from 1");
    return number;
}

double parse_rate(std::string_view option, std::string_view text) {
    const std::string right = "is not a rate; write messages a second, as in 1000 or 0.5";
    const auto [number, unit] = split(option, text, right);
    if (!unit.empty() || number < 1e-6 || number > 1e9) refuse(option, text, right);
    return number;
}

double parse_ratio(std::string_view option, std::string_view text) {
    const std::string right = "is not a number; write one from 0, as in 2 or 0.2";
    const auto [number, unit] = split(option, text, right);
    if (!unit.empty() || number > 1e9) refuse(option, text, right);
    return number;
}

char parse_separator(std::string_view option, std::string_view text) {
    try {
        check_topic_separator(text.size() == 1 ? text.front() : '\0');
    } catch (const error& wrong) {
        throw usage_error{std::string{option} + " '" + std::string{text} + "': " + wrong.what()};
    }
    return text.front();
}

endpoint parse_endpoint(std::string_view option, std::string_view text) {
    try {
        const endpoint parsed{text};
        if (parsed.via() == endpoint::transport::inproc)
            refuse(option, text, "inproc stays within one process; write tcp://host:port or ipc:///path");
        return parsed;
    } catch (const error& wrong) {
        throw usage_error{std::string{option} + ": " + wrong.what()};
    }
}

std::string format_duration(std::chrono::microseconds time) {
    constexpr std::array<std::pair<std::string_view, long>, 5> units{
        {{"h", 3600'000'000}, {"m", 60'000'000}, {"s", 1'000'000}, {"ms", 1000}, {"us", 1}}};
    for (const auto& [name, factor] : units) {
        if (time.count() != 0 && time.count() % factor == 0)
            return std::to_string(time.count() / factor) + std::string{name};
    }
    return "0s";
}

std::string format_number(std::uint64_t number) {
    auto text = std::to_string(number);
    for (auto at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
    return text;
}

std::string count_of(std::uint64_t number, std::string_view noun) {
    return format_number(number) + " " + std::string{noun} + (number == 1 ? "" : "s");
}

}  // namespace leat::command

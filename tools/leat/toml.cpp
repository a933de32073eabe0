#include "toml.hpp"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>

namespace leat::command {
namespace {

config_value value_of(const toml::node& node);

config_value::table entries_of(const toml::table& from) {
    config_value::table entries;
    for (const auto& [key, value] : from)
        entries.push_back({std::string{key.str()}, key.source().begin.line, value_of(value)});
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.line < b.line; });
    return entries;
}

config_value value_of(const toml::node& node) {
    config_value value;
    value.line = node.source().begin.line;
    if (const auto* table = node.as_table()) {
        value.is = entries_of(*table);
    } else if (const auto* array = node.as_array()) {
        config_value::list all;
        for (const auto& one : *array) all.push_back(value_of(one));
        value.is = std::move(all);
    } else if (const auto* text = node.as_string()) {
        value.is = text->get();
    } else if (const auto* integer = node.as_integer()) {
        value.is = integer->get();
    } else if (const auto* number = node.as_floating_point()) {
        value.is = number->get();
    } else if (const auto* boolean = node.as_boolean()) {
        value.is = boolean->get();
    } else {
        value.is = config_value::date{};
    }
    return value;
}

/// "Error while parsing string: encountered end-of-file" as "not TOML (string): encountered end-of-file",
/// with the reason that it mostly has.
std::string reworded(std::string_view text) {
    constexpr std::string_view begins = "Error while parsing ";
    if (!text.starts_with(begins)) return "not TOML: " + std::string{text};
    text.remove_prefix(begins.size());
    const auto end = text.find(": ");
    if (end == std::string_view::npos) return "not TOML: " + std::string{text};
    const auto what = text.substr(0, end);
    const auto rest = text.substr(end);
    // A bare word is taken for a boolean, and 30s for a number.
    constexpr std::array bare{"decimal integer", "floating-point", "boolean", "value"};
    const bool hint =
        std::find(bare.begin(), bare.end(), what) != bare.end() &&
        (rest.find("expected") != std::string_view::npos || rest.find("determine") != std::string_view::npos);
    return "not TOML (" + std::string{what} + ")" + std::string{rest} +
           (hint ? "; strings, durations and endpoints stand in quotes" : "");
}

}  // namespace

std::optional<config_value> parse_toml(std::string_view text, config_faults& faults) {
    const auto parsed = toml::parse(text);
    if (!parsed) {
        const auto& wrong = parsed.error();
        faults.add(wrong.source().begin.line, reworded(wrong.description()));
        return std::nullopt;
    }
    return value_of(parsed.table());
}

}  // namespace leat::command

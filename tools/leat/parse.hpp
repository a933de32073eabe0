#pragma once

#include "exit_code.hpp"

#include <leat/endpoint.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The texts of options. Each function takes the option's name for its error, a `usage_error`.

namespace leat::command {

/// "250ms", "2s", "1.5m" or "1h": a number and its unit (us, ms, s, m, h, d). Not negative, at most 365 days.
[[nodiscard]] std::chrono::microseconds parse_duration(std::string_view option, std::string_view text);

/// "4096", "64KiB", "64k" or "1.5M": bytes. k, M and G, with or without iB, are powers of 1024.
[[nodiscard]] std::size_t parse_size(std::string_view option, std::string_view text);

/// A whole number of at least 1.
[[nodiscard]] std::uint64_t parse_count(std::string_view option, std::string_view text);

/// Messages a second: a number above 0, which may have a fraction.
[[nodiscard]] double parse_rate(std::string_view option, std::string_view text);

/// A number from 0, which may have a fraction.
[[nodiscard]] double parse_ratio(std::string_view option, std::string_view text);

/// One character that may stand between the words of topics.
[[nodiscard]] char parse_separator(std::string_view option, std::string_view text);

/// One of `words`, each with what it stands for.
template <class Value, std::size_t Size>
[[nodiscard]] Value parse_word(std::string_view option, std::string_view text,
                               const std::array<std::pair<const char*, Value>, Size>& words);

[[nodiscard]] endpoint parse_endpoint(std::string_view option, std::string_view text);

/// `text` as `parse_duration` takes it, in the largest unit that needs no fraction: "1500ms", "2s".
[[nodiscard]] std::string format_duration(std::chrono::microseconds time);

/// "1,234,567".
[[nodiscard]] std::string format_number(std::uint64_t number);

/// "1 message", "1,234 messages".
[[nodiscard]] std::string count_of(std::uint64_t number, std::string_view noun = "message");

template <class Value, std::size_t Size>
Value parse_word(std::string_view option, std::string_view text,
                 const std::array<std::pair<const char*, Value>, Size>& words) {
    std::string allowed;
    for (const auto& [word, value] : words) {
        if (text == word) return value;
        allowed += (allowed.empty() ? "" : ", ") + std::string{word};
    }
    throw usage_error{std::string{option} + " is '" + std::string{text} + "'; allowed are " + allowed};
}

}  // namespace leat::command

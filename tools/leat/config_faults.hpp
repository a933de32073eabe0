#pragma once

#include "exit_code.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leat::command {

/// What is wrong with a configuration file, gathered so that all of it can be told at once.
class config_faults {
public:
    explicit config_faults(std::string file) : file_(std::move(file)) {}

    void add(std::size_t line, std::string text) { all_.emplace_back(line, std::move(text)); }
    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }

    /// One line for each, in the order of the file, as in "forwarder.toml:12: lease '30': has no unit"; of
    /// very many the first ones and their number.
    [[nodiscard]] std::string text() const;

    /// @throws usage_error with `text`, when there is anything wrong.
    void check() const;

private:
    std::string file_;
    std::vector<std::pair<std::size_t, std::string>> all_;
};

/// A key or a text of the file, fit to be shown in a line: in quotes, short, and without control characters.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace leat::command

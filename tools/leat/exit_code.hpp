#pragma once

#include <stdexcept>
#include <string>

namespace leat::command {

/// What the command's exit status says.
enum class exit_code {
    done = 0,
    failed = 1,     ///< At run time: something could not be sent, written, read or bound.
    usage = 2,      ///< The command line is wrong. Nothing was done.
    timed_out = 3,  ///< Nothing moved for as long as `--timeout` says.
};

/// Ends a subcommand: one line for a person, and the status.
class failure : public std::runtime_error {
public:
    explicit failure(const std::string& text, exit_code code = exit_code::failed)
        : std::runtime_error(text), code_(code) {}

    [[nodiscard]] exit_code code() const noexcept { return code_; }

private:
    exit_code code_;
};

/// A wrong command line: what is wrong, with which value, and what would be right.
class usage_error : public failure {
public:
    explicit usage_error(const std::string& text) : failure(text, exit_code::usage) {}
};

}  // namespace leat::command

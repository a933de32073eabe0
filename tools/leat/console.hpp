#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace leat::command {

/// Standard error: lines for a person, and on a terminal one more that changes in place below them.
///
/// Thread-safe.
class console {
public:
    explicit console(int fd);

    /// Sets the name that lines begin with: "leat push".
    void name(std::string text);

    /// Writes "NAME: text" as a line of its own.
    void say(std::string_view text);

    /// Shows `text` in the line that changes; nothing clears it. Ignored when this is not a terminal.
    void show(std::string_view text);

    [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }

private:
    void write(std::string_view text);

    const int fd_;
    const bool terminal_;
    std::mutex mutex_;
    std::string name_ = "leat";
    bool shown_ = false;
};

}  // namespace leat::command

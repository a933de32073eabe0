#pragma once

#include <leat/deadline.hpp>

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace demo {

/// A process of the demo; killed with this object if it still runs.
class child {
public:
    /// Runs this program again with `words`.
    /// @throws std::runtime_error
    explicit child(std::string name, std::vector<std::string> words);
    child(child&& other) noexcept;
    child& operator=(child&&) = delete;
    ~child();

    /// The first line that it writes to its standard output; empty when it ends or the deadline passes
    /// before.
    [[nodiscard]] std::string first_line(leat::deadline until);

    /// True while it has not ended. Never waits.
    [[nodiscard]] bool runs();

    /// How it ended, when that was not well: "was killed by signal 9".
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

    void signal(int number) const noexcept;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
    pid_t pid_ = -1;
    int output_ = -1;
    std::string fault_;
};

}  // namespace demo

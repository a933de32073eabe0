#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace bench {

/// A port of loopback that nobody has, for the moment.
[[nodiscard]] int free_port();

/// A directory of its own under `root`, removed with all that is in it.
class work_directory {
public:
    explicit work_directory(const std::filesystem::path& root);
    ~work_directory();
    work_directory(const work_directory&) = delete;
    work_directory& operator=(const work_directory&) = delete;

    [[nodiscard]] const std::string& str() const noexcept { return path_; }

private:
    std::string path_;
};

/// True when a program of that name is on the path.
[[nodiscard]] bool installed(const std::string& program);

/// Another program, with a process group of its own that is killed with this object.
class program {
public:
    struct start {
        std::vector<std::string> words;             ///< Its name and arguments.
        std::vector<std::string> environment = {};  ///< NAME=value, beside what this process has.
        std::string ready = {};                     ///< What it prints once it can be used.
    };

    /// Starts it and waits until it has printed `ready`, up to 60 s.
    /// @throws std::runtime_error with what it printed instead
    explicit program(const start& how);
    ~program();
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    /// What it has printed until it was ready.
    [[nodiscard]] const std::string& printed() const noexcept { return printed_; }
    /// Reads on until it has printed `text`, up to 60 s.
    void wait_for(const std::string& text);

    /// It and the processes that it has started.
    [[nodiscard]] std::vector<pid_t> processes() const;

    /// SIGINT, and waits for its end.
    void interrupt();

private:
    void end(int signal);

    pid_t pid_ = -1;
    int output_ = -1;
    std::string printed_;
};

}  // namespace bench

#pragma once

#include <leat/deadline.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// Another process, killed with this object if it still runs. What it writes to its descriptor 3 is read here
/// by lines.
class process {
public:
    /// The descriptor on which the process reports.
    static constexpr int report_fd = 3;

    /// Starts `command`, found on the path, with `environment` ("NAME=value") added to this process's own.
    explicit process(std::vector<std::string> command, std::vector<std::string> environment = {}) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error{"no pipe to be had"};
        std::vector<char*> argv, envp;
        for (auto& word : command) argv.push_back(word.data());
        argv.push_back(nullptr);
        for (auto& one : environment) envp.push_back(one.data());
        for (auto* one = environ; *one != nullptr; ++one) envp.push_back(*one);
        envp.push_back(nullptr);
        // Between fork and exec only what is safe in the child of a process with threads.
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (ends[1] == report_fd) {
                ::fcntl(report_fd, F_SETFD, 0);
            } else {
                ::dup2(ends[1], report_fd);
            }
            ::execvpe(argv.front(), argv.data(), envp.data());
            ::_exit(127);
        }
        ::close(ends[1]);
        reports_ = ends[0];
        if (pid_ < 0) throw std::runtime_error{"cannot fork"};
    }

    process(process&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)),
          reports_(std::exchange(other.reports_, -1)),
          unread_(std::move(other.unread_)) {}
    process& operator=(process&& other) noexcept {
        std::swap(pid_, other.pid_);
        std::swap(reports_, other.reports_);
        std::swap(unread_, other.unread_);
        return *this;
    }

    ~process() {
        if (pid_ > 0) {
            signal(SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        if (reports_ >= 0) ::close(reports_);
    }

    void signal(int number) const { ::kill(pid_, number); }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// The next line that it reports; nothing at the deadline or once it has ended.
    [[nodiscard]] std::optional<std::string> line(leat::deadline until) {
        for (;;) {
            if (const auto end = unread_.find('\n'); end != std::string::npos) {
                auto found = unread_.substr(0, end);
                unread_.erase(0, end + 1);
                return found;
            }
            pollfd ready{reports_, POLLIN, 0};
            if (::poll(&ready, 1, until.poll_timeout()) <= 0) {
                if (until.passed()) return std::nullopt;
                continue;
            }
            std::array<char, 4096> text{};
            const auto got = ::read(reports_, text.data(), text.size());
            if (got <= 0) return std::nullopt;
            unread_.append(text.data(), static_cast<std::size_t>(got));
        }
    }

    /// Waits for its end, and tells whether it came; `wait` is still to be called.
    [[nodiscard]] bool ended(leat::deadline until) const {
        const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
        pollfd end{fd, POLLIN, 0};
        while (::poll(&end, 1, until.poll_timeout()) < 0 && errno == EINTR) {
        }
        ::close(fd);
        return end.revents != 0;
    }

    /// Waits for its end: the exit status, 128 + the signal that ended it, or -1 at the deadline (it is then
    /// killed).
    int wait(leat::deadline until) {
        const bool in_time = ended(until);
        if (!in_time) signal(SIGKILL);
        int how = 0;
        ::waitpid(std::exchange(pid_, -1), &how, 0);
        if (!in_time) return -1;
        return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    }

private:
    pid_t pid_ = -1;
    int reports_ = -1;
    std::string unread_;
};

/// Runs one test case of this very program in a process of its own. The case carries CHILD_PART after its
/// name, which keeps it out of ordinary runs; it finds `argument` in `child_argument()` and reports with
/// `report`.
inline process run_child(const std::string& test_case, const std::string& argument = {}) {
    return process{{"/proc/self/exe", "--test-case=" + test_case, "--no-skip", "--minimal"},
                   {"LEAT_TEST_ARGUMENT=" + argument}};
}

#define CHILD_PART *doctest::skip()

inline std::string child_argument() {
    const char* text = std::getenv("LEAT_TEST_ARGUMENT");
    return text == nullptr ? "" : text;
}

inline void report(const std::string& line) {
    const auto text = line + "\n";
    if (::write(process::report_fd, text.data(), text.size()) < 0) std::_Exit(1);
}

/// Runs Python source, which finds `arguments` in sys.argv[1:] and reports with `report("line")`.
inline process run_python(const std::string& source, const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> command{
        "/usr/bin/python3", "-c",
        "import os, sys\ndef report(line): os.write(3, (line + '\\n').encode())\n" + source};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return process{std::move(command)};
}

}  // namespace support

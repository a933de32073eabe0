#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace demo {

child::child(std::string name, std::vector<std::string> words) : name_(std::move(name)) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error{"no pipe for the " + name_};
    std::string self = "/proc/self/exe", program = "leat-demo", role = "--role";
    std::vector<char*> argv{program.data(), role.data()};
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    const int failed = ::posix_spawn(&pid_, self.c_str(), &files, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    ::close(ends[1]);
    output_ = ends[0];
    if (failed == 0) return;
    ::close(output_);
    throw std::runtime_error{"cannot start the " + name_ + ": " + std::strerror(failed)};
}

child::child(child&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      fault_(std::move(other.fault_)) {}

child::~child() {
    if (runs()) {
        signal(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    if (output_ >= 0) ::close(output_);
}

std::string child::first_line(leat::deadline until) {
    std::string text;
    while (!text.ends_with('\n')) {
        pollfd ready{output_, POLLIN, 0};
        char one = 0;
        if (::poll(&ready, 1, until.poll_timeout()) <= 0 || ::read(output_, &one, 1) != 1) return {};
        text += one;
    }
    text.pop_back();
    return text;
}

bool child::runs() {
    if (pid_ < 0) return false;
    int how = 0;
    if (::waitpid(pid_, &how, WNOHANG) == 0) return true;
    pid_ = -1;
    if (WIFSIGNALED(how)) fault_ = "was killed by signal " + std::to_string(WTERMSIG(how));
    if (WIFEXITED(how) && WEXITSTATUS(how) != 0)
        fault_ = "ended with status " + std::to_string(WEXITSTATUS(how));
    return false;
}

void child::signal(int number) const noexcept {
    if (pid_ > 0) ::kill(pid_, number);
}

}  // namespace demo

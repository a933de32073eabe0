#include "processes.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>

namespace bench {
namespace {

constexpr std::size_t text_size = 128;

void read_all(int fd, void* to, std::size_t size) {
    pollfd ready{fd, POLLIN, 0};
    constexpr int patience_ms = 120'000;
    if (::poll(&ready, 1, patience_ms) <= 0)
        throw std::runtime_error{"a process of the benchmark did not answer"};
    if (::read(fd, to, size) != static_cast<ssize_t>(size))
        throw std::runtime_error{"a process of the benchmark has died"};
}

void write_all(int fd, const void* from, std::size_t size) {
    if (::write(fd, from, size) != static_cast<ssize_t>(size))
        throw std::runtime_error{"the benchmark's driver has died"};
}

}  // namespace

channel::channel() {
    if (::pipe(ends_) != 0) throw std::runtime_error{"cannot make a pipe"};
}
channel::~channel() {
    ::close(ends_[0]);
    ::close(ends_[1]);
}

void channel::put_text(const std::string& text) const {
    std::array<char, text_size> fixed{};
    std::memcpy(fixed.data(), text.data(), std::min(text.size(), text_size - 1));
    write_all(ends_[1], fixed.data(), fixed.size());
}
void channel::put_reading(const reading& r) const {
    write_all(ends_[1], &r, sizeof r);
}

std::string channel::take_text() const {
    std::array<char, text_size> fixed{};
    read_all(ends_[0], fixed.data(), fixed.size());
    return fixed.data();
}
reading channel::take_reading() const {
    reading r;
    read_all(ends_[0], &r, sizeof r);
    return r;
}

child::child(const std::function<void()>& body) {
    std::fflush(nullptr);  // else the child would print what is buffered once more
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error{"cannot fork"};
    if (pid_ > 0) return;
    int code = 0;
    try {
        body();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "bench: %s\n", failure.what());
        code = 1;
    }
    std::fflush(nullptr);
    ::_exit(code);
}

child::~child() {
    wait();
}

void child::kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
}

void child::wait() {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

void wait_to_be_killed() {
    for (;;) ::pause();
}

double now_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(use.ru_utime) + seconds(use.ru_stime);
}

double peak_mib() {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    return static_cast<double>(use.ru_maxrss) / 1024;
}

}  // namespace bench

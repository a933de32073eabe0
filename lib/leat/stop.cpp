#include <leat/deadline.hpp>
#include <leat/error.hpp>
#include <leat/stop.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace leat {

wake_up::wake_up() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) {
        throw error{errc::no_resources, "cannot make an eventfd: " + std::generic_category().message(errno)};
    }
}

wake_up::~wake_up() {
    ::close(fd_);
}

void wake_up::raise() const noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the flag is up already.
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

bool wake_up::lower() const noexcept {
    std::uint64_t count = 0;
    return ::read(fd_, &count, sizeof count) == sizeof count;
}

stop_event::stop_event(std::stop_token token) : token_(std::move(token)) {
    if (!token_.stop_possible()) return;
    raised_ = std::make_unique<wake_up>();
    on_stop_.emplace(token_, [flag = raised_.get()] { flag->raise(); });
}

namespace {

/// timeout(1) and others signal a process and then its group as well, so that one request arrives twice.
constexpr std::chrono::milliseconds one_request{200};

sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

signal_stop::signal_stop() {
    const auto set = ending_signals();
    std::signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0) {
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        throw error{errc::no_resources, "cannot make a signalfd: " + std::generic_category().message(errno)};
    }
    reader_ = std::thread{[this, signals] {
        std::array<pollfd, 2> ready{{{signals, POLLIN, 0}, {done_.fd(), POLLIN, 0}}};
        std::optional<deadline> asked;  // when a second signal counts
        for (;;) {
            if (::poll(ready.data(), ready.size(), -1) < 0) continue;
            if (ready[1].revents != 0) break;
            std::array<signalfd_siginfo, 2> pending{};  // both kinds, when both are there: one request
            if (::read(signals, pending.data(), sizeof pending) < static_cast<ssize_t>(sizeof pending[0]))
                continue;
            if (asked && asked->passed()) std::_Exit(128 + static_cast<int>(pending[0].ssi_signo));
            if (!asked) asked = deadline{one_request};
            source_.request_stop();
        }
        ::close(signals);
    }};
}

signal_stop::~signal_stop() {
    done_.raise();
    reader_.join();
    if (source_.stop_requested()) {
        // The rest of a request that was met must not end the process when signals do so again.
        const auto set = ending_signals();
        constexpr timespec at_once{};
        while (::sigtimedwait(&set, nullptr, &at_once) > 0) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace leat

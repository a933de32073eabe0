#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

namespace leat {

/// A flag that threads can wait for together with sockets: a file descriptor that polls as readable once
/// raised.
///
/// `raise` may be called from any thread and never blocks; the rest belongs to the thread that waits.
class wake_up {
public:
    /// @throws leat::error (`errc::no_resources`) when the process has no file descriptor left.
    wake_up();
    ~wake_up();
    wake_up(const wake_up&) = delete;
    wake_up& operator=(const wake_up&) = delete;

    void raise() const noexcept;

    /// Lowers the flag; tells whether it was raised.
    bool lower() const noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    int fd_;
};

/// A stop token as a file descriptor: polls as readable from the moment when a stop is requested.
class stop_event {
public:
    /// Costs nothing when `token` can never be stopped; `fd` is then -1, which poll(2) ignores.
    explicit stop_event(std::stop_token token);

    [[nodiscard]] int fd() const noexcept { return raised_ ? raised_->fd() : -1; }
    [[nodiscard]] bool stopped() const noexcept { return token_.stop_requested(); }
    [[nodiscard]] const std::stop_token& token() const noexcept { return token_; }

private:
    std::stop_token token_;
    std::unique_ptr<wake_up> raised_;
    std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

/// SIGINT and SIGTERM as a stop token, for a main function. Made by `stop_on_signals`.
///
/// A thread of its own reads the signals; the first one requests the stop. A second one ends the process at
/// once with status 128 + signal, so that a person can always get out; within a fifth of a second of the
/// first it is taken for the same request, since timeout(1) and others signal a process and its group.
class signal_stop {
public:
    signal_stop();
    ~signal_stop();
    signal_stop(const signal_stop&) = delete;
    signal_stop& operator=(const signal_stop&) = delete;

    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }
    operator std::stop_token() const noexcept { return token(); }  // NOLINT(google-explicit-constructor)

    /// Requests the stop as a signal would.
    void request_stop() noexcept { source_.request_stop(); }

private:
    std::stop_source source_;
    wake_up done_;
    sigset_t before_;
    std::thread reader_;
};

/// Blocks SIGINT and SIGTERM in this thread and in all that it starts from now on, and turns them into a stop
/// token. Call it first in main, before any thread starts. SIGPIPE is ignored from then on.
[[nodiscard]] inline signal_stop stop_on_signals() {
    return {};
}

}  // namespace leat

#pragma once

#include "measure.hpp"

#include <sys/types.h>

#include <functional>
#include <string>

namespace bench {

/// A one-way pipe for small values between a parent and its children.
class channel {
public:
    channel();
    ~channel();
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    void put_text(const std::string& text) const;
    void put_reading(const reading& r) const;

    /// Blocks, up to 120 s; throws std::runtime_error when nothing came or the writer died.
    [[nodiscard]] std::string take_text() const;
    [[nodiscard]] reading take_reading() const;

private:
    int ends_[2];
};

/// A forked child that runs `body` and exits. The destructor waits for it, after a kill when `kill` was asked
/// for.
class child {
public:
    explicit child(const std::function<void()>& body);
    ~child();
    child(const child&) = delete;
    child& operator=(const child&) = delete;

    void kill();
    void wait();

private:
    pid_t pid_;
};

/// What a child does that serves until its parent kills it.
[[noreturn]] void wait_to_be_killed();

[[nodiscard]] double now_seconds();

/// Processor time of this process so far, all threads.
[[nodiscard]] double cpu_seconds();

/// Peak resident memory of this process so far.
[[nodiscard]] double peak_mib();

}  // namespace bench

#pragma once

#include <algorithm>
#include <chrono>

namespace leat {

/// The moment at which a blocking call gives up, on the monotonic clock. A value.
///
/// Made from a duration ("from now") or a time point, so that a call reads `receive(2s)`, and passed on as it
/// is through nested calls, so that the whole keeps one deadline. A duration of zero or less never waits.
class deadline {
public:
    using clock = std::chrono::steady_clock;

    template <class Rep, class Period>
    deadline(std::chrono::duration<Rep, Period> from_now)  // NOLINT(google-explicit-constructor)
        : at_(after(from_now)) {}

    deadline(clock::time_point at) : at_(at) {}  // NOLINT(google-explicit-constructor)

    /// Waits for as long as it takes.
    [[nodiscard]] static deadline never() { return clock::time_point::max(); }

    /// Does not wait.
    [[nodiscard]] static deadline now() { return clock::time_point::min(); }

    [[nodiscard]] clock::time_point at() const noexcept { return at_; }
    [[nodiscard]] bool is_never() const noexcept { return at_ == clock::time_point::max(); }
    [[nodiscard]] bool is_now() const noexcept { return at_ == clock::time_point::min(); }
    [[nodiscard]] bool passed() const { return !is_never() && (is_now() || clock::now() >= at_); }

    /// The time left: zero once it has passed, a day at the most so that sums do not overflow.
    [[nodiscard]] std::chrono::nanoseconds left() const {
        using std::chrono::nanoseconds;
        constexpr nanoseconds day = std::chrono::hours{24};
        if (is_never()) return day;
        if (is_now()) return nanoseconds::zero();
        return std::clamp<nanoseconds>(at_ - clock::now(), nanoseconds::zero(), day);
    }

    /// The time left as poll(2) wants it: milliseconds rounded up, -1 for never.
    [[nodiscard]] int poll_timeout() const {
        if (is_never()) return -1;
        return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left()).count());
    }

private:
    template <class Duration>
    static clock::time_point after(Duration from_now) {
        if (from_now <= Duration::zero()) return clock::time_point::min();
        const auto start = clock::now();
        const auto room = std::chrono::duration<double>(clock::time_point::max() - start);
        if (std::chrono::duration<double>(from_now) >= room) return clock::time_point::max();
        return start + std::chrono::duration_cast<clock::duration>(from_now);
    }

    clock::time_point at_;
};

}  // namespace leat

#include <leat/deadline.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using leat::deadline;

TEST_CASE("a duration counts from now") {
    const auto before = deadline::clock::now();
    const deadline d{10s};
    CHECK(d.at() >= before + 10s);
    CHECK(d.at() <= deadline::clock::now() + 10s);
}

TEST_CASE("a duration of zero or less does not wait") {
    CHECK(deadline{0s}.is_now());
    CHECK(deadline{-1h}.is_now());
    CHECK(deadline{0s}.passed());
    CHECK(deadline{0s}.left() == 0ns);
    CHECK(deadline{0s}.poll_timeout() == 0);
}

TEST_CASE("never has not passed and has a day left, so that sums do not overflow") {
    CHECK(deadline::never().is_never());
    CHECK_FALSE(deadline::never().passed());
    CHECK(deadline::never().left() == 24h);
    CHECK(deadline::never().poll_timeout() == -1);
}

TEST_CASE("a duration too long for the clock is never") {
    CHECK(deadline{std::chrono::hours::max()}.is_never());
    CHECK(deadline{std::chrono::nanoseconds::max()}.is_never());
    CHECK(deadline{std::chrono::duration<double>{1e300}}.is_never());
}

TEST_CASE("a long duration has a day left at the most") {
    CHECK(deadline{1000h}.left() == 24h);
    CHECK_FALSE(deadline{1000h}.is_never());
}

TEST_CASE("a time point in the past has passed") {
    const deadline d{deadline::clock::now() - 1s};
    CHECK(d.passed());
    CHECK(d.left() == 0ns);
    CHECK(d.poll_timeout() == 0);
}

TEST_CASE("a poll timeout is rounded up, so that a wait does not end early") {
    CHECK(deadline{1ns}.poll_timeout() <= 1);
    CHECK(deadline{deadline::clock::now() + 5s}.poll_timeout() > 4000);
    CHECK(deadline{deadline::clock::now() + 5s}.poll_timeout() <= 5000);
}

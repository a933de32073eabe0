#include <leat/stop.hpp>

#include "support/joined.hpp"
#include "support/process.hpp"

#include <poll.h>

#include <csignal>

using namespace std::chrono_literals;
using support::patience;

namespace {

bool readable(int fd, leat::deadline until = leat::deadline::now()) {
    pollfd ready{fd, POLLIN, 0};
    return ::poll(&ready, 1, until.poll_timeout()) == 1;
}

}  // namespace

TEST_CASE("a raised flag is readable until it is lowered, however often it was raised") {
    const leat::wake_up flag;
    CHECK_FALSE(readable(flag.fd()));
    flag.raise();
    flag.raise();
    CHECK(readable(flag.fd()));
    CHECK(flag.lower());
    CHECK_FALSE(flag.lower());
    CHECK_FALSE(readable(flag.fd()));
}

TEST_CASE("a flag raised by another thread ends a poll") {
    const leat::wake_up flag;
    std::thread other{[&] { flag.raise(); }};
    CHECK(readable(flag.fd(), patience));
    other.join();
}

TEST_CASE("a stop event is readable from the moment of the stop") {
    std::stop_source source;
    const leat::stop_event event{source.get_token()};
    CHECK_FALSE(readable(event.fd()));
    CHECK_FALSE(event.stopped());
    source.request_stop();
    CHECK(readable(event.fd()));
    CHECK(event.stopped());
}

TEST_CASE("a stop event whose stop came first is readable at once") {
    std::stop_source source;
    source.request_stop();
    CHECK(readable(leat::stop_event{source.get_token()}.fd()));
}

TEST_CASE("a stop event that can never happen has no file descriptor") {
    const leat::stop_event event{{}};
    CHECK(event.fd() == -1);
    CHECK_FALSE(event.stopped());
}

TEST_CASE("child: stops on a signal" CHILD_PART) {
    const auto stop = leat::stop_on_signals();
    const leat::stop_event event{stop};
    support::report("ready");
    REQUIRE(readable(event.fd(), leat::deadline::never()));
    support::report("stopped");
    if (support::child_argument() == "linger") readable(-1, leat::deadline::never());
}

TEST_CASE("a signal requests the stop, and the process ends as it wants") {
    for (const int number : {SIGTERM, SIGINT}) {
        auto child = support::run_child("child: stops on a signal");
        REQUIRE(child.line(patience) == "ready");
        child.signal(number);
        CHECK(child.line(patience) == "stopped");
        CHECK(child.wait(patience) == 0);
    }
}

TEST_CASE("a later second signal ends the process with 128 and the signal") {
    for (const int number : {SIGTERM, SIGINT}) {
        auto child = support::run_child("child: stops on a signal", "linger");
        REQUIRE(child.line(patience) == "ready");
        child.signal(number);
        REQUIRE(child.line(patience) == "stopped");
        // Each until the fifth of a second in which they are one request is over.
        for (const leat::deadline until = patience; !child.ended(10ms) && !until.passed();)
            child.signal(number);
        CHECK(child.wait(leat::deadline::now()) == 128 + number);
    }
}

TEST_CASE("two signals at the same time are one request") {
    auto child = support::run_child("child: stops on a signal");
    REQUIRE(child.line(patience) == "ready");
    child.signal(SIGSTOP);  // so that it finds both at once
    child.signal(SIGTERM);
    child.signal(SIGINT);
    child.signal(SIGCONT);
    CHECK(child.line(patience) == "stopped");
    CHECK(child.wait(patience) == 0);
}

TEST_CASE("a stop may be requested without a signal, and once it is gone signals do what they did before") {
    sigset_t before{}, after{};
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    {
        auto stop = leat::stop_on_signals();
        const std::stop_token token = stop;
        stop.request_stop();
        CHECK(token.stop_requested());
    }
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    CHECK(sigismember(&after, SIGTERM) == sigismember(&before, SIGTERM));
    CHECK(sigismember(&after, SIGINT) == sigismember(&before, SIGINT));
}

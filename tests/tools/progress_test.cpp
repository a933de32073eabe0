#include "tools/leat/progress.hpp"

#include <doctest/doctest.h>

using leat::command::progress_line;
using namespace std::chrono_literals;

TEST_CASE("progress tells messages and rate, and the time left when the end is known") {
    CHECK(progress_line({.messages = 0}, 0, 2s) == "0 messages, 0/s");
    CHECK(progress_line({.messages = 1234567}, 45000.4, 2s) == "1,234,567 messages, 45,000/s");
    CHECK(progress_line({.messages = 1, .done = 0.25}, 1, 10s) == "1 message, 1/s, 0:30 left");
    CHECK(progress_line({.messages = 10, .done = 0.01}, 1, 100s) == "10 messages, 1/s, 2:45:00 left");
    CHECK(progress_line({.messages = 10, .done = 1}, 1, 100s) == "10 messages, 1/s, 0:00 left");
}

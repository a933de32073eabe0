#include "tools/leat/parse.hpp"

#include "support/says.hpp"

using namespace leat::command;
using namespace std::chrono_literals;

TEST_CASE("a duration is a number and its unit") {
    CHECK(parse_duration("--timeout", "250us") == 250us);
    CHECK(parse_duration("--timeout", "500ms") == 500ms);
    CHECK(parse_duration("--timeout", "2s") == 2s);
    CHECK(parse_duration("--timeout", "1.5m") == 90s);
    CHECK(parse_duration("--timeout", "1h") == 1h);
    CHECK(parse_duration("--timeout", "0s") == 0s);
}

TEST_CASE("a wrong duration is refused with its option, its text and what would be right") {
    CHECK_SAYS(parse_duration("--timeout", "5"), "--timeout '5': has no unit; write 5s");
    for (const auto* text : {"", "s", "-1s", "1 s", "1sec", "nan s", "infs", "1e3s", "0x1s"})
        CHECK_SAYS(parse_duration("--timeout", text),
                   "'" + std::string{text} + "': is not a duration; write a number");
    CHECK_SAYS(parse_duration("--timeout", "400d"), "is longer than 365d");
    CHECK_SAYS(parse_duration("--timeout", std::string(400, '9') + "s"), "is not a duration");
}

TEST_CASE("a size is bytes, or a number of kilobytes, megabytes or gigabytes of 1024") {
    CHECK(parse_size("--batch", "4096") == 4096);
    CHECK(parse_size("--batch", "1B") == 1);
    CHECK(parse_size("--batch", "64k") == 65536);
    CHECK(parse_size("--batch", "64KiB") == 65536);
    CHECK(parse_size("--batch", "1.5M") == 1572864);
    CHECK(parse_size("--batch", "2GiB") == 2147483648u);
    CHECK_SAYS(parse_size("--batch", "big"),
               "--batch 'big': is not a size; write bytes, as in 4096, or 64KiB");
    CHECK_SAYS(parse_size("--batch", "1T"), "is not a size");
    CHECK_SAYS(parse_size("--batch", "1kg"), "is not a size");
    CHECK_SAYS(parse_size("--batch", "0.3"), "is not a whole number of bytes");
    CHECK_SAYS(parse_size("--batch", "9999999G"), "is more than any memory");
}

TEST_CASE("a count is a whole number from 1") {
    CHECK(parse_count("--count", "1") == 1);
    CHECK(parse_count("--count", "18446744073709551615") == ~std::uint64_t{0});
    for (const auto* text : {"", "0", "-1", "1.5", "1k", "18446744073709551616"})
        CHECK_SAYS(parse_count("--count", text), "is not a count; write a whole number from 1");
}

TEST_CASE("a ratio is a number from 0") {
    CHECK(parse_ratio("--retry-jitter", "0") == 0);
    CHECK(parse_ratio("--retry-jitter", "1.5") == 1.5);
    for (const auto* text : {"", "-1", "x", "2x", "nan", "1e99"})
        CHECK_SAYS(parse_ratio("--retry-jitter", text), "is not a number; write one from 0");
}

TEST_CASE("a rate is messages a second and may have a fraction") {
    CHECK(parse_rate("--rate", "0.5") == 0.5);
    CHECK(parse_rate("--rate", "100000") == 100000);
    for (const auto* text : {"", "0", "-1", "1/s", "1e12"})
        CHECK_SAYS(parse_rate("--rate", text), "is not a rate");
}

TEST_CASE("an endpoint is checked, and inproc is of no use to a command") {
    CHECK(parse_endpoint("--bind", "tcp://127.0.0.1:*").str() == "tcp://127.0.0.1:*");
    CHECK_SAYS(parse_endpoint("--bind", "localhost:1"),
               "--bind: endpoint 'localhost:1': must begin with tcp://");
    CHECK_SAYS(parse_endpoint("--bind", "inproc://a"), "inproc stays within one process; write tcp://");
}

TEST_CASE("durations and numbers are written as people read them") {
    CHECK(format_duration(1500ms) == "1500ms");
    CHECK(format_duration(120s) == "2m");
    CHECK(format_duration(0s) == "0s");
    CHECK(format_number(0) == "0");
    CHECK(format_number(999) == "999");
    CHECK(format_number(1234567) == "1,234,567");
    CHECK(count_of(1) == "1 message");
    CHECK(count_of(2000, "byte") == "2,000 bytes");
}

// A queue on disk whose wall clock is set: this program's own clock_gettime comes before the C library's.

#include "queue_support.hpp"

#include "support/temporary_directory.hpp"

#include <leat/context.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using support::temporary_directory;

namespace {

std::atomic<std::int64_t> set_by{0};  ///< Seconds.

leat::queue_options in(const temporary_directory& directory) {
    auto options = here();
    options.path = (directory.path() / "work").string();
    return options;
}

void set_wall_clock(std::chrono::hours by) {
    set_by = std::chrono::seconds{by}.count();
}

}  // namespace

extern "C" int clock_gettime(clockid_t which, timespec* to) {
    const auto result = static_cast<int>(::syscall(SYS_clock_gettime, which, to));
    if (result == 0 && which == CLOCK_REALTIME) to->tv_sec += set_by;
    return result;
}

TEST_CASE("the clock of this program can be set") {
    const auto before = std::chrono::system_clock::now();
    set_wall_clock(1h);
    CHECK(std::chrono::system_clock::now() - before >= 1h);
    set_wall_clock(0h);
    CHECK(std::chrono::system_clock::now() - before < 1h);
}

TEST_CASE("35: a wall clock that is set by an hour while a queue is open moves no due, expiry or lease") {
    for (const auto by : {1h, -1h}) {
        CAPTURE(by.count());
        const temporary_directory directory;
        set_wall_clock(0h);
        leat::context ctx;
        leat::queue q{ctx, in(directory)};
        text_producer to{ctx, q.bound().str(), {.queue = "work"}};
        const auto began = std::chrono::steady_clock::now();
        to.put("held");
        to.put("soon", {.delay = 300ms});
        to.put("in half an hour", {.delay = 30min});
        to.put("for half an hour", {.priority = 0, .ttl = 30min});
        to.put("for a moment", {.priority = 0, .ttl = 400ms, .delay = 300ms});
        REQUIRE_EQ(to.flush(patience), 0);
        text_consumer from{ctx, q.bound().str(), {.queue = "work", .prefetch = 1}};
        auto held = from.next(patience);
        REQUIRE(held);
        CHECK_EQ(**held, "held");

        set_wall_clock(by);
        REQUIRE(comes_true([&] { return q.stat().counts.expired > 0; }));
        CHECK(std::chrono::steady_clock::now() - began >= 700ms);
        const auto now = q.stat();
        CHECK_EQ(now.counts.expired, 1);
        CHECK_EQ(now.counts.lost, 0);
        CHECK_EQ(now.depth.in_flight, 1);
        CHECK_EQ(now.depth.delayed, 1);
        CHECK_EQ(now.depth.ready, 2);
        held->ack();
        CHECK_EQ(take(from), "soon");
        CHECK_EQ(take(from), "for half an hour");
    }
}

TEST_CASE(
    "35: time goes on after a wall clock was set back while the queue was closed, and a gap counts as "
    "passed") {
    const temporary_directory directory;
    leat::context ctx;
    set_wall_clock(0h);
    std::optional<leat::queue> q{std::in_place, ctx, in(directory)};
    const auto open_at = [&](std::chrono::hours by) {
        CHECK(q->close(patience) == status::ok);
        q.reset();
        set_wall_clock(by);
        q.emplace(ctx, in(directory));
    };
    const auto put = [&](const std::string& text, leat::put_options how = {}) {
        text_producer to{ctx, q->bound().str(), {.queue = "work"}};
        to.put(text, std::move(how));
        REQUIRE_EQ(to.flush(patience), 0);
    };
    const auto next = [&] {
        text_consumer from{ctx, q->bound().str(), {.queue = "work"}};
        return take(from);
    };
    const auto reject_one = [&] {
        const auto before = q->stat().counts.rejected;
        put("bad");
        text_consumer from{ctx, q->bound().str(), {.queue = "work", .prefetch = 1}};
        auto got = from.next(patience);
        REQUIRE(got);
        got->reject("bad");
        REQUIRE(comes_true([&] { return q->stat().counts.rejected > before; }));
    };
    reject_one();
    put("in half an hour", {.delay = 30min});
    put("soon", {.delay = 300ms});
    put("for a moment", {.priority = 0, .ttl = 200ms, .delay = 100ms});

    open_at(-1h);
    REQUIRE(comes_true([&] { return q->stat().counts.expired == 1; }));
    CHECK_EQ(next(), "soon");
    reject_one();
    std::vector<leat::dead_letter> letters;
    REQUIRE(comes_true([&] { return (letters = q->dead_letters()).size() == 2; }));
    CHECK(letters[0].died_at <= letters[1].put_at);
    CHECK(letters[1].put_at <= letters[1].died_at);
    CHECK_EQ(q->stat().depth.delayed, 1);
    put("for half an hour", {.priority = 9, .ttl = 30min});

    open_at(1h);
    CHECK_EQ(next(), "in half an hour");
    CHECK_EQ(q->stat().counts.expired, 2);
}

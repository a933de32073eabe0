#include <leat/metrics.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

TEST_CASE("a counter adds") {
    leat::counter c;
    c.add();
    c.add(41);
    CHECK(c.value() == 42);
}

TEST_CASE("a counter may be read from another thread while it is written, and never falls") {
    leat::counter c;
    std::atomic<bool> written{false};
    bool fell = false;
    std::thread reader{[&] {
        for (std::uint64_t last = 0; !written;) {
            const auto now = c.value();
            fell = fell || now < last;
            last = now;
        }
    }};
    for (int i = 0; i < 100'000; ++i) c.add();
    written = true;
    reader.join();
    CHECK_FALSE(fell);
    CHECK(c.value() == 100'000);
}

TEST_CASE("drops are counted by their reason") {
    leat::metrics m;
    m.drop(leat::drop_reason::linger, 3);
    m.drop(leat::drop_reason::shutdown);
    CHECK(m.dropped(leat::drop_reason::linger) == 3);
    CHECK(m.dropped(leat::drop_reason::shutdown) == 1);
    CHECK(m.dropped(leat::drop_reason::peer_gone) == 0);
}

TEST_CASE("each drop reason has a name") {
    for (std::size_t i = 0; i < leat::drop_reasons; ++i)
        CHECK_FALSE(to_string(static_cast<leat::drop_reason>(i)).empty());
    CHECK(to_string(leat::drop_reason::linger) == "linger");
    CHECK(to_string(leat::drop_reason::shutdown) == "shutdown");
}

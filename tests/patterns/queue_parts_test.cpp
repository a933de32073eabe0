// The parts that the engine is made of, and the rules' own checks.

#include "support/throws.hpp"

#include <leat/queue/detail/delivery_table.hpp>
#include <leat/queue/detail/id_window.hpp>
#include <leat/queue/detail/record_book.hpp>
#include <leat/queue/detail/ring.hpp>
#include <leat/queue/detail/sip_hash.hpp>
#include <leat/queue/queue_rules.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace leat::detail::queueing;
using namespace std::chrono_literals;

TEST_CASE("SipHash gives the authors' 128-bit test vectors") {
    const leat::id128 key{0x0f0e0d0c0b0a0908, 0x0706050403020100};
    // Little-endian bytes a3817f04ba25a8e66df67214c7550293, and da87c1d86b99af44347659119b22fc45.
    CHECK(sip_hash(key, {}) == leat::id128{0x930255c71472f66d, 0xe6a825ba047f81a3});
    CHECK(sip_hash(key, std::string(1, '\0')) == leat::id128{0x45fc229b11597634, 0x44af996bd8c187da});
}

TEST_CASE("rules that are out of their range are refused by name and range") {
    leat::queue_rules{}.check();
    leat::queue_rules rules;
    rules.lease = 1ms;
    CHECK_THROWS_LEAT(rules.check(), leat::errc::bad_option,
                      "queue rule lease is 0.001 s; 0.01 s to 86400 s is right");
    rules = {};
    rules.max_attempts = 0;
    CHECK_THROWS_LEAT(rules.check(), leat::errc::bad_option,
                      "queue rule max_attempts is 0; 1 to 60000 is right");
    rules.max_attempts = leat::unlimited_attempts;
    rules.check();
    rules.retry.jitter = 1.5;
    CHECK_THROWS_LEAT(rules.check(), leat::errc::bad_option, "retry.jitter is 1.5; 0 to 0.9");
    rules = {};
    rules.dead_letters = false;
    rules.on_expiry = leat::on_expiry::dead_letter;
    CHECK_THROWS_LEAT(rules.check(), leat::errc::bad_option, "with dead_letters = false it is drop");
}

TEST_CASE("what is unset depends on where the queue is") {
    CHECK(leat::queue_rules{}.resolved(true).durability == leat::durability::commit);
    CHECK(leat::queue_rules{}.resolved(true).max_bytes == std::uint64_t{16} << 30);
    CHECK(leat::queue_rules{}.resolved(false).durability == leat::durability::memory);
    CHECK(leat::queue_rules{}.resolved(false).max_bytes == 256 << 20);
}

TEST_CASE("refusals are final, for now, or for later") {
    CHECK(kind_of(leat::put_refusal::too_large) == leat::refusal_kind::final);
    CHECK(kind_of(leat::put_refusal::too_many_hops) == leat::refusal_kind::final);
    CHECK(kind_of(leat::put_refusal::full) == leat::refusal_kind::now);
    CHECK(kind_of(leat::put_refusal::marks_full) == leat::refusal_kind::now);
    CHECK(kind_of(leat::put_refusal::draining) == leat::refusal_kind::later);
    CHECK(to_string(leat::put_refusal::after_refusal) == "after_refusal");
}

TEST_CASE("the table of deliveries finds what is there, whatever was taken out") {
    delivery_table table;
    std::map<std::uint64_t, std::uint32_t> want;
    std::mt19937_64 random{1};
    std::uint64_t d = 0;
    for (int i = 0; i < 100'000; ++i) {
        if (want.size() < 300 && random() % 2 == 0) {
            d += 1 + random() % 3;
            table.insert(d, static_cast<std::uint32_t>(d));
            want[d] = static_cast<std::uint32_t>(d);
        } else if (!want.empty()) {
            auto one = want.lower_bound(random() % (d + 1));
            if (one == want.end()) one = want.begin();
            table.erase(one->first);
            want.erase(one);
        }
        const auto any = random() % (d + 2);
        const auto found = want.find(any);
        REQUIRE(table.find(any) == (found == want.end() || any == 0 ? none : found->second));
        REQUIRE(table.size() == want.size());
    }
}

TEST_CASE("a ring is a deque") {
    ring<int> one;
    std::deque<int> want;
    std::mt19937_64 random{2};
    for (int i = 0; i < 50'000; ++i) {
        switch (random() % (i / 5000 % 2 == 0 ? 4 : 7)) {
            case 0:
            case 1:
            case 2:
            case 3:
                one.push_back(i);
                want.push_back(i);
                break;
            case 4:
                if (want.empty()) break;
                one.pop_back();
                want.pop_back();
                break;
            default:
                if (want.empty()) break;
                one.pop_front();
                want.pop_front();
        }
        REQUIRE(one.size() == want.size());
        if (!want.empty()) {
            const auto at = static_cast<std::uint32_t>(random() % want.size());
            REQUIRE(one[at] == want[at]);
            REQUIRE(one.front() == want.front());
        }
    }
}

TEST_CASE("one old message does not pin the block of those that are gone") {
    record_book book;
    leat::message frame{std::size_t{60} * 1000};
    std::vector<spot> spots;
    for (std::uint64_t i = 0; i < 60; ++i) {
        std::memset(frame.data() + i * 1000, static_cast<int>('a' + i % 26), 1000);
        const auto head = std::to_string(i);
        spots.push_back(book.add(1 + i, 5, frame.view().subspan(i * 1000, 1000),
                                 std::as_bytes(std::span{head}), 4, &frame));
    }
    auto* rec = spots[0].rec;
    CHECK(rec->block().size() == 60'000);
    CHECK(rec->block().data() == frame.data());  // no copy
    book.close_open();
    for (std::size_t i = 0; i < 60; ++i) {
        if (i != 27) book.end(spots[i]);
    }
    CHECK(rec->block().size() <= 7000);
    CHECK(rec->live() == 1);
    CHECK(rec->body(27).size() == 1000);
    CHECK(static_cast<char>(rec->body(27)[999]) == 'b');
    CHECK(rec->head(27).size() == 2);
    CHECK(static_cast<char>(rec->head(27)[1]) == '7');
    CHECK(rec->weight(27) == 1066);
}

TEST_CASE("a record holds small and large messages, and knows when each was admitted") {
    record_book book;
    const std::string small(100, 's'), large(5000, 'l');
    std::vector<spot> spots;
    for (std::uint64_t i = 0; i < 6; ++i) {
        const auto& body = i % 2 == 0 ? small : large;
        spots.push_back(book.add(1 + i, static_cast<ticks>(10 * (i / 2)), std::as_bytes(std::span{body}), {},
                                 4, nullptr));
    }
    auto* rec = spots[0].rec;
    CHECK(spots[5].rec == rec);
    CHECK(spots[5].i == 5);
    for (std::uint32_t i = 0; i < 6; ++i) {
        CHECK(rec->body(i).size() == (i % 2 == 0 ? 100U : 5000U));
        CHECK(static_cast<char>(rec->body(i)[99]) == (i % 2 == 0 ? 's' : 'l'));
        CHECK(rec->place_of(i) == place{10 * (i / 2), 1 + i});
        CHECK(rec->tag_of(i) == 4);
    }
}

TEST_CASE("an id window forgets by time and by count") {
    id_window window{100, 3};
    const auto id = [](std::uint64_t n) { return leat::id128{n, n * 64}; };  // all in one run of the table
    for (std::uint64_t n = 1; n <= 4; ++n) window.add(id(n), static_cast<ticks>(n));
    CHECK(window.evicted() == 1);
    CHECK_FALSE(window.stored(id(1), 5));
    for (std::uint64_t n = 2; n <= 4; ++n) CHECK(window.stored(id(n), 101));
    CHECK_FALSE(window.stored(id(2), 102));
    window.expire(103, 100);
    CHECK(window.size() == 1);
    CHECK(window.stored(id(4), 103));
    window.add_pending(id(9), 7);
    CHECK(window.pending(id(9)) == 7);
    window.resolve(id(9), false, 104);
    CHECK(window.pending(id(9)) == 0);
    CHECK_FALSE(window.stored(id(9), 104));
}

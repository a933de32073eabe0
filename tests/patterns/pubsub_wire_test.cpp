#include <leat/pubsub/detail/wire.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>

using namespace leat::detail;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

}  // namespace

TEST_CASE("a trailer is 32 bytes, big-endian") {
    const trailer one{publication_kind::part, 0x01020304, 0x1112131415161718, 0x2122232425262728,
                      0x3132333435363738};
    const auto bytes = one.encode();
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    CHECK(text ==
          "LP\x01\x03\x01\x02\x03\x04\x11\x12\x13\x14\x15\x16\x17\x18"
          "\x21\x22\x23\x24\x25\x26\x27\x28\x31\x32\x33\x34\x35\x36\x37\x38");
    const auto read = trailer::decode(bytes);
    REQUIRE(read);
    CHECK(read->kind == one.kind);
    CHECK(read->count == one.count);
    CHECK(read->publisher == one.publisher);
    CHECK(read->sequence == one.sequence);
    CHECK(read->name == one.name);
}

TEST_CASE("a trailer that makes no sense is none") {
    const auto refused = [](auto change) {
        trailer good{publication_kind::live, 1, 7, 1, 0};
        auto bytes = good.encode();
        REQUIRE(trailer::decode(bytes));
        change(bytes);
        return !trailer::decode(bytes);
    };
    CHECK(refused([](auto& b) { b[0] = std::byte{'X'}; }));
    CHECK(refused([](auto& b) { b[2] = std::byte{2}; }));
    CHECK(refused([](auto& b) { b[3] = std::byte{5}; }));
    CHECK(refused([](auto& b) { b[7] = std::byte{0}; }));   // no message
    CHECK(refused([](auto& b) { b[15] = std::byte{0}; }));  // no publisher
    CHECK(refused([](auto& b) {
        for (int i = 16; i < 24; ++i)
            b[static_cast<std::size_t>(i)] = std::byte{0xff};  // ends beyond all numbers
    }));
    CHECK_FALSE(trailer::decode({}));
    CHECK_FALSE(trailer::decode(bytes_of("LP\x01")));
    CHECK_FALSE(trailer::decode(bytes_of(std::string(33, 'L'))));
}

TEST_CASE("what is asked is read as it was written") {
    const auto probe = read_question(probe_topic(0x0102030405060708));
    REQUIRE(probe);
    CHECK(probe->probe);
    CHECK(probe->one == 0x0102030405060708);
    const question asked{
        .one = 9, .publisher = 8, .from = 7, .most = 6, .separator = '/', .patterns = {"a/>", "b/*", "c"}};
    const auto read = read_question(ask_topic(asked));
    REQUIRE(read);
    CHECK_FALSE(read->probe);
    CHECK(read->one == 9);
    CHECK(read->publisher == 8);
    CHECK(read->from == 7);
    CHECK(read->most == 6);
    CHECK(read->separator == '/');
    CHECK(read->patterns == asked.patterns);
    CHECK_FALSE(read_question(values_topic(9)));
}

TEST_CASE("private topics sort in the order in which they must arrive, after all others") {
    const auto values = values_topic(~0ull), ask = ask_topic({.one = 0}), probe = probe_topic(0);
    CHECK(values < ask);
    CHECK(ask < probe);
    CHECK(std::string("\xf4\x8f\xbf\xbf") < values);
}

TEST_CASE("patterns that are too long in all become everything, and bad ones are left out") {
    question asked;
    for (int i = 0; i < 1000; ++i) asked.patterns.push_back("topic." + std::to_string(i));
    const auto text = ask_topic(asked);
    CHECK(text.size() <= longest_ask);
    CHECK(read_question(text)->patterns == std::vector<std::string>{">"});
    CHECK(read_question(ask_topic({.patterns = {"good", "b*d", "", "a..b", "also.good"}}))->patterns ==
          std::vector<std::string>{"good", "also.good"});
}

TEST_CASE("no bytes make reading a question or a trailer fail") {
    std::mt19937 random{3};
    const auto good = ask_topic({.one = 1, .most = 5, .patterns = {"a.b", "c"}});
    for (int i = 0; i < 100'000; ++i) {
        auto text = good;
        text.resize(random() % (good.size() + 3), '\0');
        if (!text.empty()) text[random() % text.size()] = static_cast<char>(random());
        static_cast<void>(read_question(text));
        std::string bytes(random() % 40, '\0');
        for (auto& c : bytes) c = static_cast<char>(random());
        static_cast<void>(trailer::decode(bytes_of(bytes)));
    }
}

TEST_CASE("names hash to the published FNV-1a values") {
    CHECK(hash_of_name("") == 0);
    CHECK(hash_of_name("a") == 0xaf63dc4c8601ec8c);
    CHECK(hash_of_name("foobar") == 0x85944171f73967e8);
}

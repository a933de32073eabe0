#include <leat/pubsub/detail/topic_book.hpp>

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using leat::detail::topic_book;

namespace {

std::vector<std::string> kept_after(const topic_book& book, std::uint64_t stamp) {
    std::vector<std::string> topics;
    for (const auto& one : book.kept_after(stamp)) {
        if (one.topic != nullptr) topics.emplace_back(one.topic->text);
    }
    return topics;
}

}  // namespace

TEST_CASE(
    "the values kept are those of the topics published to most recently, in that order, from any stamp on") {
    constexpr std::size_t most = 30;
    topic_book book{1000, most, '.'};
    std::vector<std::string> expected;
    std::mt19937 random{1};
    for (int i = 0; i < 5000; ++i) {
        auto text = "t." + std::to_string(random() % 100);
        auto* topic = book.find(text);
        REQUIRE(topic != nullptr);
        book.keep(*topic, leat::message{text});
        std::erase(expected, text);
        expected.push_back(text);
        if (expected.size() > most) expected.erase(expected.begin());
        REQUIRE(kept_after(book, 0) == expected);
        REQUIRE(topic->last_value.text() == text);
        const auto some = random() % expected.size();
        const auto stamp = book.find(expected[some])->stamp;
        const auto next = expected.begin() + static_cast<std::ptrdiff_t>(some) + 1;
        REQUIRE(kept_after(book, stamp) == std::vector(next, expected.end()));
    }
    CHECK(book.kept_after(0).size() < 4 * most + 64);  // with the places of those that went
}

TEST_CASE("a book keeps no value of a topic that made room for another") {
    topic_book book{1000, 1, '.'};
    auto *first = book.find("a"), *second = book.find("b");
    book.keep(*first, leat::message{"1"});
    book.keep(*second, leat::message{"2"});
    CHECK(first->last_value.empty());
    CHECK(second->last_value.text() == "2");
    CHECK(kept_after(book, 0) == std::vector<std::string>{"b"});
}

#include <leat/pubsub/detail/prefix_cover.hpp>
#include <leat/pubsub/detail/topic_trie.hpp>
#include <leat/pubsub/topic.hpp>

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <vector>

using leat::detail::prefix_cover;
using leat::detail::topic_trie;

TEST_CASE("the trie finds what any of its patterns matches") {
    topic_trie trie{'.'};
    CHECK_FALSE(trie.matches("a"));
    CHECK(trie.add("a.b"));
    CHECK_FALSE(trie.add("a.b"));
    CHECK(trie.add("a.*.c"));
    CHECK(trie.add("x.>"));
    CHECK(trie.matches("a.b"));
    CHECK(trie.matches("a.b.c"));
    CHECK(trie.matches("x.y.z"));
    CHECK_FALSE(trie.matches("x"));
    CHECK_FALSE(trie.matches("a.b.d"));
    CHECK(trie.remove("a.*.c"));
    CHECK_FALSE(trie.remove("a.*.c"));
    CHECK_FALSE(trie.matches("a.b.c"));
    CHECK(trie.matches("a.b"));
    CHECK_FALSE(trie.remove("a"));
    CHECK(trie.add(">"));
    CHECK(trie.matches("anything.at.all"));
}

TEST_CASE("the trie agrees with matching one pattern after the other, while patterns come and go") {
    std::mt19937 random{7};
    const auto text = [&](bool wildcards) {
        const char* const words[] = {"a", "b", "c", "*"};
        std::string all;
        const auto count = 1 + random() % 5;
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0) all += '.';
            all += words[random() % (wildcards ? 4 : 3)];
        }
        return wildcards && random() % 4 == 0 ? all + ".>" : all;
    };
    topic_trie trie{'.'};
    std::set<std::string> patterns;
    std::size_t found = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto pattern = text(true);
        if (patterns.size() < 40 && random() % 2 == 0) {
            REQUIRE(trie.add(pattern) == patterns.insert(pattern).second);
        } else {
            REQUIRE(trie.remove(pattern) == (patterns.erase(pattern) == 1));
        }
        const auto topic = text(false);
        bool wanted = false;
        for (const auto& one : patterns) wanted = wanted || leat::matches(one, topic);
        REQUIRE_MESSAGE(trie.matches(topic) == wanted, topic);
        found += wanted ? 1 : 0;
    }
    CHECK(found > 1000);
    CHECK(found < 19'000);
}

TEST_CASE("a cover has no subscription that begins with another, and is never without a wanted one") {
    std::mt19937 random{11};
    std::set<std::string> active;
    std::multiset<std::string> wanted;
    const auto covered = [&](const std::string& prefix) {
        for (std::size_t size = 0; size <= prefix.size(); ++size) {
            if (active.contains(prefix.substr(0, size))) return true;
        }
        return false;
    };
    prefix_cover cover{[&](std::string_view p) { REQUIRE(active.insert(std::string{p}).second); },
                       [&](std::string_view p) {
                           REQUIRE(active.erase(std::string{p}) == 1);
                           for (const auto& one : wanted) REQUIRE(covered(one));
                       }};
    for (int i = 0; i < 5000; ++i) {
        std::string prefix;
        for (auto size = random() % 4; size > 0; --size) prefix += static_cast<char>('a' + random() % 2);
        if (wanted.size() < 12 && random() % 2 == 0) {
            wanted.insert(prefix);
            cover.add(prefix);
        } else if (const auto one = wanted.find(prefix); one != wanted.end()) {
            wanted.erase(one);
            cover.remove(prefix);
        }
        for (const auto& one : wanted) REQUIRE(covered(one));
        for (const auto& one : active) {
            REQUIRE(wanted.contains(one));
            REQUIRE(std::count_if(active.begin(), active.end(),
                                  [&](auto& other) { return one.starts_with(other); }) == 1);
        }
    }
}

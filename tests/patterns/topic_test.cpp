#include <leat/pubsub/topic.hpp>

#include "support/throws.hpp"

using leat::literal_prefix;
using leat::matches;
using leat::pattern_fault;
using leat::topic_fault;

TEST_CASE("topics are words of text with separators between them") {
    for (const auto* topic : {"a", "orders", "orders.new.eu", "größe.日本", "with space", "a>b.c", "1.2.3",
                              "-", "\xf0\x9f\x98\x80"}) {
        CHECK_MESSAGE(topic_fault(topic).empty(), topic);
    }
    CHECK(topic_fault(std::string(255, 'x')).empty());
    CHECK(topic_fault("a/b", '/').empty());
    CHECK(topic_fault("a..b", '/').empty());
}

TEST_CASE("what is no topic is refused with the reason") {
    const auto says = [](const std::string& topic, const char* why) {
        const auto text = topic_fault(topic);
        CHECK_MESSAGE(text.find(why) != std::string::npos, topic << ": " << text);
    };
    says("", "is empty");
    says(std::string(256, 'x'), "has 256 bytes; at most 255");
    says("a..b", "'a..b': has an empty word; words stand between single '.'");
    says(".a", "empty word");
    says("a.", "empty word");
    says("a.*", "the word * is for patterns");
    says("a.>", "the word > is for patterns");
    says("a.b*", "* stands for a whole word");
    says("a\nb", "control character");
    says("a\x7f", "control character");
    says(std::string{"a\0b", 3}, "control character");
    says("a\xff", "not UTF-8");
    says("a\x80", "not UTF-8");
    says("\xc3", "not UTF-8");
    says("\xc0\x80", "not UTF-8");
    says("\xed\xa0\x80", "not UTF-8");
    says("\xf4\x90\x80\x80", "not UTF-8");
    says("\xe2\x82", "not UTF-8");
    CHECK_THROWS_LEAT(leat::check_topic("a..b"), leat::errc::bad_option, "empty word");
}

TEST_CASE("patterns have wildcards for one word and for all the rest") {
    for (const auto* pattern : {"a", ">", "*", "a.>", "a.*", "*.*", "*.b.>", "a.*.c"})
        CHECK_MESSAGE(pattern_fault(pattern).empty(), pattern);
    const auto says = [](const std::string& pattern, const char* why) {
        const auto text = pattern_fault(pattern);
        CHECK_MESSAGE(text.find(why) != std::string::npos, pattern << ": " << text);
    };
    says("", "is empty");
    says(">.a", "> stands for all the rest, so it is last");
    says("a.>.b", "so it is last");
    says("a*.b", "* stands for a whole word, as in orders.*.eu");
    says("a..>", "empty word");
    CHECK_THROWS_LEAT(leat::check_pattern(">.a"), leat::errc::bad_option, "'>.a': > stands for");
}

TEST_CASE("a separator is punctuation or a space") {
    for (const char c : {'.', '/', ':', '-', ' ', '|'}) leat::check_topic_separator(c);
    for (const char c : {'a', '0', '*', '>', '\0', '\n', '\x7f', '\xff'})
        CHECK_THROWS_LEAT(leat::check_topic_separator(c), leat::errc::bad_option, "separator");
}

TEST_CASE("the literal prefix is what stands before the first wildcard") {
    CHECK(literal_prefix("orders.new") == "orders.new");
    CHECK(literal_prefix("orders.>") == "orders.");
    CHECK(literal_prefix("orders.*.eu") == "orders.");
    CHECK(literal_prefix(">").empty());
    CHECK(literal_prefix("*.a").empty());
    CHECK(literal_prefix("a/b/>", '/') == "a/b/");
    CHECK(literal_prefix("a>.>") == "a>.");
}

TEST_CASE("a pattern matches word by word") {
    CHECK(matches("a.b", "a.b"));
    CHECK_FALSE(matches("a.b", "a.bc"));
    CHECK_FALSE(matches("a.b", "a.b.c"));
    CHECK_FALSE(matches("a.b", "a"));
    CHECK(matches("a.>", "a.b"));
    CHECK(matches("a.>", "a.b.c"));
    CHECK_FALSE(matches("a.>", "a"));
    CHECK_FALSE(matches("a.>", "ab.c"));
    CHECK(matches("*", "a"));
    CHECK_FALSE(matches("*", "a.b"));
    CHECK(matches("a.*.c", "a.b.c"));
    CHECK_FALSE(matches("a.*.c", "a.b.d"));
    CHECK(matches(">", "a"));
    CHECK(matches(">", "a.b.c"));
    CHECK(matches("a/*", "a/b.c", '/'));
}

#include <leat/pubsub/topic.hpp>

#include <leat/error.hpp>
#include <leat/pubsub/detail/words.hpp>

#include <cctype>

namespace leat {
namespace {

constexpr std::string_view any_word = "*";
constexpr std::string_view all_below = ">";

/// The number of bytes of the UTF-8 character that `text` begins with, 0 when it is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;
    if (first < 0xE0) return follows(1) ? 2 : 0;
    if (first < 0xF0) {
        const unsigned low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    const unsigned low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
    return first <= 0xF4 && follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
}

/// Whether all of `text` may be shown in a message for people.
bool is_text(std::string_view text) {
    while (!text.empty()) {
        const auto length = utf8_length(text);
        const auto first = static_cast<unsigned char>(text.front());
        if (length == 0 || first < 0x20 || first == 0x7F) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string quoted(const char* what, std::string_view text) {
    return std::string{what} + " '" + std::string{text} + "'";
}

std::string fault(const char* what, std::string_view text, char separator, bool wildcards) {
    if (text.empty()) return std::string{what} + " is empty; a topic is words, as in orders.new";
    if (text.size() > longest_topic) {
        return std::string{what} + " has " + std::to_string(text.size()) + " bytes; at most " +
               std::to_string(longest_topic) + " are allowed";
    }
    if (!is_text(text)) return std::string{what} + " has a control character, or bytes that are not UTF-8";
    detail::words all{text, separator};
    for (std::string_view word; all.next(word);) {
        const auto named = [&](const std::string& why) { return quoted(what, text) + ": " + why; };
        if (word.empty())
            return named(std::string{"has an empty word; words stand between single '"} + separator + "'");
        const bool wildcard = word == any_word || word == all_below;
        if (wildcard && !wildcards)
            return named("the word " + std::string{word} + " is for patterns, not for topics");
        if (wildcard && word == all_below && !all.at_end())
            return named("> stands for all the rest, so it is last");
        if (!wildcard && word.find('*') != std::string_view::npos)
            return named("* stands for a whole word, as in orders.*.eu");
    }
    return {};
}

}  // namespace

std::string topic_fault(std::string_view topic, char separator) {
    return fault("topic", topic, separator, false);
}

std::string pattern_fault(std::string_view pattern, char separator) {
    return fault("pattern", pattern, separator, true);
}

void check_topic(std::string_view topic, char separator) {
    if (const auto wrong = topic_fault(topic, separator); !wrong.empty())
        throw error{errc::bad_option, wrong};
}

void check_pattern(std::string_view pattern, char separator) {
    if (const auto wrong = pattern_fault(pattern, separator); !wrong.empty())
        throw error{errc::bad_option, wrong};
}

void check_topic_separator(char separator) {
    const auto c = static_cast<unsigned char>(separator);
    if (c >= 0x20 && c < 0x7F && std::isalnum(c) == 0 && separator != '*' && separator != '>') return;
    throw error{
        errc::bad_option,
        "a topic's separator is one printable ASCII character, but no letter, digit, * or >; as in . or /"};
}

std::string_view literal_prefix(std::string_view pattern, char separator) {
    detail::words all{pattern, separator};
    for (std::string_view word; all.next(word);) {
        if (word == any_word || word == all_below)
            return pattern.substr(0, static_cast<std::size_t>(word.data() - pattern.data()));
    }
    return pattern;
}

bool matches(std::string_view pattern, std::string_view topic, char separator) {
    detail::words wanted{pattern, separator}, found{topic, separator};
    std::string_view want, have;
    while (wanted.next(want)) {
        if (!found.next(have)) return false;
        if (want == all_below) return true;
        if (want != any_word && want != have) return false;
    }
    return !found.next(have);
}

}  // namespace leat

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Topics and the patterns that stand for many of them.
//
// A topic is words with a separator between them: `orders.new.eu`. A word is UTF-8 text without control
// characters and `*`, and is not empty; the word `>` is not allowed.
//
// A pattern is a topic in which a word may be `*`, which stands for any one word, and the last one may be
// `>`, which stands for one word or more: `orders.*.eu`, `orders.>`, and `>` alone for everything. `orders.>`
// does not match `orders`.

namespace leat {

inline constexpr char topic_separator = '.';

/// Bytes of a topic or pattern.
inline constexpr std::size_t longest_topic = 255;

/// What is wrong with a topic or a pattern, and what would be right; empty when nothing is.
[[nodiscard]] std::string topic_fault(std::string_view topic, char separator = topic_separator);
[[nodiscard]] std::string pattern_fault(std::string_view pattern, char separator = topic_separator);

/// @throws leat::error (`errc::bad_option`) with the fault.
void check_topic(std::string_view topic, char separator = topic_separator);
void check_pattern(std::string_view pattern, char separator = topic_separator);

/// A separator is printable ASCII, neither a letter, a digit, `*` nor `>`.
/// @throws leat::error (`errc::bad_option`)
void check_topic_separator(char separator);

/// The bytes that each topic of the pattern begins with: `orders.` of `orders.*.eu`. This is as much as
/// ZeroMQ's own filter can do; for a pattern without wildcards it is the whole topic, and that filter then
/// also passes what only begins with it.
[[nodiscard]] std::string_view literal_prefix(std::string_view pattern, char separator = topic_separator);

/// Whether the pattern stands for the topic; both are valid. For many patterns a subscriber keeps a trie.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view topic,
                           char separator = topic_separator);

}  // namespace leat

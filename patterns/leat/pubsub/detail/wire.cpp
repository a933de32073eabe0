#include <leat/pubsub/detail/wire.hpp>

#include <leat/pubsub/detail/big_endian.hpp>
#include <leat/pubsub/detail/words.hpp>
#include <leat/pubsub/topic.hpp>

#include <algorithm>
#include <array>
#include <random>

namespace leat::detail {
namespace {

constexpr std::string_view greeting{"\xffleat1", 6};
constexpr char values_mark = 'A', ask_mark = 'B', probe_mark = 'P';
constexpr std::size_t nonce_size = 8;
constexpr std::size_t head_size = greeting.size() + 1 + nonce_size;
constexpr std::size_t ask_size = 8 + 8 + 4 + 1;  // after the head, without patterns

template <class Number>
void append(std::string& to, Number value) {
    std::array<std::byte, sizeof value> bytes{};
    put(bytes.data(), value);
    to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string head(char mark, nonce one) {
    std::string text{greeting};
    text += mark;
    append(text, one);
    return text;
}

}  // namespace

std::string probe_topic(nonce one) {
    return head(probe_mark, one);
}

std::string values_topic(nonce one) {
    return head(values_mark, one);
}

std::string ask_topic(const question& asked) {
    auto text = head(ask_mark, asked.one);
    append(text, asked.publisher);
    append(text, asked.from);
    append(text, asked.most);
    text += asked.separator;
    const auto all = text.size();
    for (const auto& pattern : asked.patterns) {
        if (text.size() + pattern.size() + 1 > longest_ask) {
            text.replace(all, std::string::npos, ">");
            break;
        }
        if (text.size() > all) text += '\0';
        text += pattern;
    }
    return text;
}

std::optional<question> read_question(std::string_view topic) {
    if (!topic.starts_with(greeting) || topic.size() < head_size) return std::nullopt;
    const auto* bytes = reinterpret_cast<const std::byte*>(topic.data());
    const char mark = topic[greeting.size()];
    question read;
    read.one = get<nonce>(bytes + greeting.size() + 1);
    if (mark == probe_mark && topic.size() == head_size) {
        read.probe = true;
        return read;
    }
    if (mark != ask_mark || topic.size() < head_size + ask_size || topic.size() > longest_ask)
        return std::nullopt;
    bytes += head_size;
    read.publisher = get<std::uint64_t>(bytes);
    read.from = get<std::uint64_t>(bytes + 8);
    read.most = get<std::uint32_t>(bytes + 16);
    read.separator = topic[head_size + ask_size - 1];
    words all{topic.substr(head_size + ask_size), '\0'};
    for (std::string_view pattern; all.next(pattern);) {
        if (pattern_fault(pattern, read.separator).empty()) read.patterns.emplace_back(pattern);
    }
    return read;
}

std::uint64_t random_id() {
    std::random_device random;
    for (;;) {
        const auto id = static_cast<std::uint64_t>(random()) << 32 | random();
        if (id != 0) return id;
    }
}

std::uint64_t hash_of_name(std::string_view name) noexcept {
    if (name.empty()) return 0;
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return std::max<std::uint64_t>(hash, 1);
}

}  // namespace leat::detail

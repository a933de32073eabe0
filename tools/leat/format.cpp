#include "format.hpp"

#include "exit_code.hpp"

#include <array>
#include <cstdio>

namespace leat::command {
namespace {

constexpr std::string_view fields = "tpnil";

char unescaped(char c) {
    switch (c) {
        case 'n':
            return '\n';
        case 't':
            return '\t';
        case 'r':
            return '\r';
        case '0':
            return '\0';
        default:
            return c;
    }
}

}  // namespace

publication_format::publication_format(std::string_view option, std::string_view text) {
    const auto refuse = [&](std::string_view what) {
        throw usage_error{std::string{option} + " '" + std::string{text} + "': '" + std::string{what} +
                          "' is unknown; there are %t %p %n %i %l %% and \\n \\t \\r \\0 \\\\"};
    };
    const auto add = [&](char c) {
        if (pieces_.empty() || pieces_.back().what != 0) pieces_.emplace_back();
        pieces_.back().text += c;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c != '%' && c != '\\') {
            add(c);
            continue;
        }
        if (i + 1 == text.size()) refuse(text.substr(i));
        const char next = text[++i];
        if (c == '\\') {
            if (std::string_view{"ntr0\\"}.find(next) == std::string_view::npos)
                refuse(text.substr(i - 1, 2));
            add(unescaped(next));
        } else if (next == '%') {
            add('%');
        } else if (fields.find(next) != std::string_view::npos) {
            pieces_.push_back({next, {}});
        } else {
            refuse(text.substr(i - 1, 2));
        }
    }
}

void publication_format::append(std::string& out, const shown_publication& one) const {
    for (const auto& next : pieces_) {
        switch (next.what) {
            case 't':
                out += one.topic;
                break;
            case 'p':
                out += one.payload;
                break;
            case 'n':
                out += std::to_string(one.sequence);
                break;
            case 'i':
                out += publisher_name(one.publisher);
                break;
            case 'l':
                out += one.last_value ? "last" : "live";
                break;
            default:
                out += next.text;
        }
    }
}

std::string publisher_name(std::uint64_t id) {
    if (id == 0) return "-";
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(id));
    return text.data();
}

}  // namespace leat::command

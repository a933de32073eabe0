#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace leat::command {

/// What a format is filled with.
struct shown_publication {
    std::string_view topic;
    std::string_view payload;
    std::uint64_t publisher = 0;
    std::uint64_t sequence = 0;
    bool last_value = false;
};

/// How `leat sub` prints a message: text in which %t is the topic, %p the payload, %n the number, %i the
/// publisher's id in hexadecimal, %l "last" or "live", %% a percent sign, and \n \t \r \0 \\ what they are in
/// C.
class publication_format {
public:
    /// @throws usage_error that names `option` when `text` has another % or \.
    publication_format(std::string_view option, std::string_view text);

    void append(std::string& out, const shown_publication& one) const;

private:
    struct piece {
        char what = 0;  // 0: the text
        std::string text;
    };
    std::vector<piece> pieces_;
};

/// The 16 hexadecimal digits of a publisher's id; "-" for none.
[[nodiscard]] std::string publisher_name(std::uint64_t id);

}  // namespace leat::command

#pragma once

#include <string_view>

namespace leat::detail {

/// Takes a text apart at a separator. Refers to the text.
class words {
public:
    words(std::string_view text, char separator) noexcept : rest_(text), separator_(separator) {}

    /// Sets `word` to the next one, which may be empty; false after the last.
    [[nodiscard]] bool next(std::string_view& word) noexcept {
        if (ended_) return false;
        const auto end = rest_.find(separator_);
        ended_ = end == std::string_view::npos;
        word = rest_.substr(0, end);
        if (!ended_) rest_.remove_prefix(end + 1);
        return true;
    }

    [[nodiscard]] bool at_end() const noexcept { return ended_; }

private:
    std::string_view rest_;
    const char separator_;
    bool ended_ = false;
};

}  // namespace leat::detail

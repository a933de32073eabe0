#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace leat::command {

/// A value of a configuration file and the line where it stands, whatever the file's language is.
struct config_value {
    struct entry;
    using list = std::vector<config_value>;
    using table = std::vector<entry>;  ///< In the order of the file.
    struct date {};                    ///< Dates and times of day, of which nothing here makes use.

    std::variant<bool, std::int64_t, double, std::string, date, list, table> is;
    std::size_t line = 1;

    /// The value as a `Kind`, or null when it is of another one.
    template <class Kind>
    [[nodiscard]] const Kind* as() const noexcept {
        return std::get_if<Kind>(&is);
    }

    /// "an integer", "a string" and so on.
    [[nodiscard]] std::string_view kind() const noexcept;
};

struct config_value::entry {
    std::string key;
    std::size_t line = 1;
    config_value value;
};

}  // namespace leat::command

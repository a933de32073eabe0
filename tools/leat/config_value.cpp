#include "config_value.hpp"

#include <array>

namespace leat::command {

std::string_view config_value::kind() const noexcept {
    constexpr std::array<std::string_view, std::variant_size_v<decltype(is)>> kinds{
        "a boolean", "an integer", "a float", "a string", "a date or time", "a list", "a table"};
    return kinds[is.index()];
}

}  // namespace leat::command

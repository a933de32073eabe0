#include <leat/queue/detail/id_octets.hpp>

namespace leat::detail {

std::string octets_of(const id128& id) {
    std::string octets(16, '\0');
    for (std::size_t i = 0; i < 8; ++i) {
        octets[i] = static_cast<char>(id.high >> (8 * (7 - i)));
        octets[i + 8] = static_cast<char>(id.low >> (8 * (7 - i)));
    }
    return octets;
}

id128 id_of(std::string_view octets) noexcept {
    id128 id;
    if (octets.size() != 16) return id;
    for (std::size_t i = 0; i < 8; ++i) {
        id.high = id.high << 8 | static_cast<std::uint8_t>(octets[i]);
        id.low = id.low << 8 | static_cast<std::uint8_t>(octets[i + 8]);
    }
    return id;
}

}  // namespace leat::detail

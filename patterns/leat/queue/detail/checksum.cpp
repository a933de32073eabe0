#include <leat/queue/detail/checksum.hpp>

#include <array>
#include <bit>
#include <cstring>

namespace leat::detail::queueing {
namespace {

constexpr std::uint64_t prime1 = 0x9E37'79B1'85EB'CA87, prime2 = 0xC2B2'AE3D'27D4'EB4F,
                        prime3 = 0x1656'67B1'9E37'79F9, prime4 = 0x85EB'CA77'C2B2'AE63,
                        prime5 = 0x27D4'EB2F'1656'67C5;

template <class Word>
std::uint64_t read(const std::byte* at) noexcept {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

std::uint64_t round(std::uint64_t lane, std::uint64_t word) noexcept {
    return std::rotl(lane + word * prime2, 31) * prime1;
}

}  // namespace

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
    const auto* at = bytes.data();
    auto left = bytes.size();
    auto sum = prime5;
    if (left >= 32) {
        std::array<std::uint64_t, 4> lanes{prime1 + prime2, prime2, 0, 0 - prime1};
        for (; left >= 32; at += 32, left -= 32) {
            for (std::size_t i = 0; i < 4; ++i) lanes[i] = round(lanes[i], read<std::uint64_t>(at + 8 * i));
        }
        sum = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
              std::rotl(lanes[3], 18);
        for (const auto lane : lanes) sum = (sum ^ round(0, lane)) * prime1 + prime4;
    }
    sum += bytes.size();
    for (; left >= 8; at += 8, left -= 8)
        sum = std::rotl(sum ^ round(0, read<std::uint64_t>(at)), 27) * prime1 + prime4;
    if (left >= 4) {
        sum = std::rotl(sum ^ read<std::uint32_t>(at) * prime1, 23) * prime2 + prime3;
        at += 4;
        left -= 4;
    }
    for (; left > 0; ++at, --left) sum = std::rotl(sum ^ read<std::uint8_t>(at) * prime5, 11) * prime1;
    sum = (sum ^ sum >> 33) * prime2;
    sum = (sum ^ sum >> 29) * prime3;
    return sum ^ sum >> 32;
}

}  // namespace leat::detail::queueing

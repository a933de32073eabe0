#include <leat/queue/detail/sip_hash.hpp>

#include <bit>
#include <cstddef>

namespace leat::detail::queueing {
namespace {

struct sip_state {
    std::uint64_t v0, v1, v2, v3;

    void rounds(int n) noexcept {
        for (; n > 0; --n) {
            v0 += v1;
            v2 += v3;
            v1 = std::rotl(v1, 13) ^ v0;
            v3 = std::rotl(v3, 16) ^ v2;
            v0 = std::rotl(v0, 32);
            v2 += v1;
            v0 += v3;
            v1 = std::rotl(v1, 17) ^ v2;
            v3 = std::rotl(v3, 21) ^ v0;
            v2 = std::rotl(v2, 32);
        }
    }

    void absorb(std::uint64_t word) noexcept {
        v3 ^= word;
        rounds(2);
        v0 ^= word;
    }

    [[nodiscard]] std::uint64_t sum() const noexcept { return v0 ^ v1 ^ v2 ^ v3; }
};

std::uint64_t little_endian(const char* from, std::size_t bytes) noexcept {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
        word |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
    }
    return word;
}

}  // namespace

id128 sip_hash(const id128& key, std::string_view text) noexcept {
    // The constants are those of the paper: "somepseudorandomlygeneratedbytes".
    sip_state s{key.low ^ 0x736f6d6570736575, key.high ^ 0x646f72616e646f6d ^ 0xee,
                key.low ^ 0x6c7967656e657261, key.high ^ 0x7465646279746573};
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) s.absorb(little_endian(text.data() + at, 8));
    s.absorb(little_endian(text.data() + at, text.size() - at) | std::uint64_t{text.size()} << 56);
    s.v2 ^= 0xee;
    s.rounds(4);
    const auto low = s.sum();
    s.v1 ^= 0xdd;
    s.rounds(4);
    return {s.sum(), low};
}

}  // namespace leat::detail::queueing

#pragma once

#include <leat/pubsub/detail/big_endian.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What leat's publishers and subscribers say to each other. docs/protocol.md tells when.
//
// A publication, all numbers big-endian:
//
//   frame 0   topic      the bytes that were given, at most 255, never 0xFF among them
//   frame 1   body       msgpack objects back to back, one or more; or any bytes
//   frame 2   trailer    32 bytes:
//
//        0        2          3       4           8              16            24           32
//        ┌────────┬──────────┬───────┬───────────┬──────────────┬─────────────┬────────────┐
//        │ "LP"   │ version 1│ kind  │ count     │ publisher    │ sequence    │ name       │
//        └────────┴──────────┴───────┴───────────┴──────────────┴─────────────┴────────────┘
//
//   kind        0 live, 1 last value, 2 end of last values, 3 end of a part of them, 4 ready
//   count       live: messages in the body, from 1; end: last values sent before it; else 1
//   publisher   random, not 0, new for each publisher object
//   sequence    of the body's first message among those of this publisher and topic, from 1; 0 = not
//   numbered.
//               End of a part: where the next part begins
//   name        FNV-1a of the publisher's name, which outlives a restart; 0 = none
//
// Private topics begin with 0xFF, so they sort after all others, in which order subscriptions are sent. The
// nonce is 8 random bytes, new each time. What is asked by subscribing:
//
//   FF "leat1" 'A' nonce            nothing: where answers to the asks of this nonce come
//                                     [the same] [topic] [body] [trailer: last value]   any number
//                                     [the same] [trailer: end, or end of a part]
//   FF "leat1" 'B' nonce            ask for last values
//      publisher  8 bytes             who is asked; 0 = all
//      from       8 bytes             where to begin; 0, or what the end of the part before said
//      most       4 bytes             how many a part may have
//      separator  1 byte
//      patterns                       with a NUL between one and the next
//   FF "leat1" 'P' nonce            probe: who is there? Answered after the asks before it
//                                     [the same] [trailer: ready]

namespace leat::detail {

enum class publication_kind : std::uint8_t { live, last_value, end, part, ready };

struct trailer {
    static constexpr std::size_t size = 32;

    publication_kind kind = publication_kind::live;
    std::uint32_t count = 1;
    std::uint64_t publisher = 0;
    std::uint64_t sequence = 0;
    std::uint64_t name = 0;

    [[nodiscard]] std::array<std::byte, size> encode() const noexcept {
        std::array<std::byte, size> all;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        encode(all.data());
        return all;
    }

    /// Into `size` bytes.
    void encode(std::byte* to) const noexcept {
        to[0] = std::byte{'L'};
        to[1] = std::byte{'P'};
        to[2] = std::byte{1};
        put(&to[3], static_cast<std::uint8_t>(kind));
        put(&to[4], count);
        put(&to[8], publisher);
        put(&to[16], sequence);
        put(&to[24], name);
    }

    /// Nothing when it is no trailer, or one that makes no sense.
    [[nodiscard]] static std::optional<trailer> decode(std::span<const std::byte> frame) noexcept {
        if (frame.size() != size || !claimed(frame) || frame[2] != std::byte{1}) return std::nullopt;
        const auto kind = std::to_integer<std::uint8_t>(frame[3]);
        if (kind > static_cast<std::uint8_t>(publication_kind::ready)) return std::nullopt;
        const trailer read{static_cast<publication_kind>(kind), get<std::uint32_t>(&frame[4]),
                           get<std::uint64_t>(&frame[8]), get<std::uint64_t>(&frame[16]),
                           get<std::uint64_t>(&frame[24])};
        const bool counted =
            read.count > 0 || read.kind == publication_kind::end || read.kind == publication_kind::part;
        const bool ends = read.sequence <= std::numeric_limits<std::uint64_t>::max() - read.count;
        if (read.publisher == 0 || !counted || !ends) return std::nullopt;
        return read;
    }

    /// Whether the frame claims to be one.
    [[nodiscard]] static bool claimed(std::span<const std::byte> frame) noexcept {
        return frame.size() >= 2 && frame[0] == std::byte{'L'} && frame[1] == std::byte{'P'};
    }
};

inline constexpr char private_mark = '\xff';

[[nodiscard]] constexpr bool is_private(std::string_view topic) noexcept {
    return !topic.empty() && topic.front() == private_mark;
}

using nonce = std::uint64_t;

[[nodiscard]] std::string probe_topic(nonce one);
[[nodiscard]] std::string values_topic(nonce one);

/// libzmq's tries take a step of recursion for each byte, so subscriptions are kept short.
inline constexpr std::size_t longest_ask = 4096;

/// What a publisher is asked by a subscription to a private topic.
struct question {
    bool probe = false;  ///< Else for last values.
    nonce one = 0;
    std::uint64_t publisher = 0;
    std::uint64_t from = 0;
    std::uint32_t most = 0;
    char separator = '.';
    std::vector<std::string> patterns = {};  ///< All valid.
};

/// The ask as a topic; `>` stands for the patterns when they are longer than `longest_ask` in all.
[[nodiscard]] std::string ask_topic(const question& asked);

/// Nothing when it is none. Patterns that are not valid are left out.
[[nodiscard]] std::optional<question> read_question(std::string_view topic);

/// Never 0.
[[nodiscard]] std::uint64_t random_id();

/// FNV-1a (Fowler, Noll, Vo), 64 bits; 0 only for an empty text.
[[nodiscard]] std::uint64_t hash_of_name(std::string_view name) noexcept;

}  // namespace leat::detail

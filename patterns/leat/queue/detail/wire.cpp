#include <leat/queue/detail/wire.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

namespace leat::detail::wire {
namespace {

constexpr std::size_t most_messages = 65'536;  // of one frame
constexpr std::size_t id_bytes = 16;
constexpr std::size_t longest_name = 255;

bool adds_up(const std::vector<std::uint32_t>& sizes, std::size_t body) noexcept {
    return !sizes.empty() && sizes.size() <= most_messages &&
           std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}) == body;
}

bool numbers_fit(std::uint64_t first, std::size_t count) noexcept {
    return first >= 1 && count <= std::numeric_limits<std::uint64_t>::max() - first;
}

template <class Special>
bool ascend(const std::vector<Special>& special, std::size_t messages) noexcept {
    std::uint64_t next = 0;
    return std::all_of(special.begin(), special.end(), [&](const auto& one) {
        const bool ascends = one.index >= next && one.index < messages;
        next = std::uint64_t{one.index} + 1;
        return ascends;
    });
}

}  // namespace

std::optional<command> command_of(std::span<const std::byte> header) noexcept {
    const auto octet = [&](std::size_t i) { return std::to_integer<std::uint8_t>(header[i]); };
    const auto is_short_array = [&](std::size_t i) {
        return (octet(i) & 0xf0) == 0x90 && (octet(i) & 0x0f) != 0;
    };
    if (header.empty()) return {};
    // Frames of up to 15 fields have a short head; those that a later version has made longer, one of three
    // bytes.
    const std::size_t head = octet(0) == 0xdc ? 3 : 1;
    if (header.size() < head + 2 || (head == 1 && !is_short_array(0)) || !is_short_array(head)) return {};
    if (octet(head + 1) > 0x7f) return {};
    return static_cast<command>(octet(head + 1));
}

decode_limits header_limits() noexcept {
    return {
        .depth = 8, .elements = most_messages, .string_bytes = 64u << 10, .binary_bytes = longest_attributes};
}

void tidy(ranges& list) {
    const auto before = [](const range& a, const range& b) { return a.first < b.first; };
    if (!std::is_sorted(list.begin(), list.end(), before)) std::sort(list.begin(), list.end(), before);
    std::size_t kept = 0;
    for (std::size_t i = 1; i < list.size(); ++i) {
        if (list[i].first == list[kept].last + 1) {
            list[kept].last = list[i].last;
        } else {
            list[++kept] = list[i];
        }
    }
    if (!list.empty()) list.resize(kept + 1);
}

bool valid(const ranges& list) noexcept {
    std::uint64_t least = 1;
    for (const auto& one : list) {
        if (one.first < least || one.last < one.first ||
            one.last == std::numeric_limits<std::uint64_t>::max())
            return false;
        least = one.last + 1;
    }
    return true;
}

bool valid(const std::vector<settlement>& groups) noexcept {
    return std::all_of(groups.begin(), groups.end(), [](const auto& one) {
        return one.outcome <= settlement::given_up && valid(one.deliveries);
    });
}

bool valid(const hello& frame) noexcept {
    return frame.least <= frame.most && frame.as >= 1 && frame.as <= 3 && !frame.queue.empty() &&
           frame.queue.size() <= longest_name && frame.client.size() == id_bytes &&
           frame.process.size() == id_bytes && frame.floor >= 1 && frame.stage.size() <= longest_name &&
           valid(frame.holds) && valid(frame.outcomes);
}

bool valid(const put& frame, std::size_t body) noexcept {
    return adds_up(frame.sizes, body) && numbers_fit(frame.first, frame.sizes.size()) && frame.floor >= 1 &&
           frame.floor <= frame.first && ascend(frame.special, frame.sizes.size()) &&
           ascend(frame.marks, frame.sizes.size()) &&
           std::all_of(frame.sources.begin(), frame.sources.end(),
                       [](const auto& one) { return one.queue.size() == id_bytes; }) &&
           std::all_of(frame.marks.begin(), frame.marks.end(),
                       [&](const auto& one) { return one.source < frame.sources.size(); });
}

bool valid(const deliver& frame, std::size_t body) noexcept {
    return adds_up(frame.sizes, body) && numbers_fit(frame.first, frame.sizes.size()) &&
           (frame.sequences.size() == 1 || frame.sequences.size() == frame.sizes.size()) &&
           ascend(frame.special, frame.sizes.size());
}

}  // namespace leat::detail::wire

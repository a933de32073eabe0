#include <leat/queue/detail/wire_admin.hpp>

#include <leat/queue/queue_types.hpp>

#include <numeric>

namespace leat::detail::wire {
namespace {

constexpr std::size_t most_seqs = 10'000;

bool valid(const selection& which) noexcept {
    return (!which.why || *which.why < deaths) && which.seqs.size() <= most_seqs;
}

template <class One>
bool adds_up(const std::vector<One>& all, std::size_t body) noexcept {
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0},
                           [](auto sum, const One& one) { return sum + one.size; }) == body;
}

}  // namespace

bool valid(const operate& frame) noexcept {
    return frame.what >= static_cast<std::uint8_t>(operation::purge) &&
           frame.what <= static_cast<std::uint8_t>(operation::resume_takes) && valid(frame.which);
}

bool valid(const letters& frame) noexcept {
    return valid(frame.which);
}

bool valid(const messages& frame, std::size_t body) noexcept {
    return adds_up(frame.all, body);
}

bool valid(const dead& frame, std::size_t body) noexcept {
    return adds_up(frame.all, body);
}

}  // namespace leat::detail::wire

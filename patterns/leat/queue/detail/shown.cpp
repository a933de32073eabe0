#include <leat/queue/detail/shown.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/head.hpp>
#include <leat/queue/detail/id_octets.hpp>

#include <algorithm>

namespace leat::detail {
namespace {

constexpr std::size_t most_seqs = 10'000;

std::chrono::system_clock::time_point wall(std::uint64_t ms) {
    return std::chrono::system_clock::time_point{std::chrono::milliseconds{std::min(ms, longest_ms)}};
}

std::string text_of(std::span<const std::byte> octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

}  // namespace

waiting_message shown(const wire::waiting& one, std::span<const std::byte> body) {
    waiting_message made;
    made.seq = one.seq;
    made.since = wall(one.since);
    made.attempts = static_cast<int>(one.attempts);
    made.attributes = read_attributes(std::as_bytes(std::span{one.head}));
    made.body = text_of(body);
    return made;
}

dead_letter shown(const wire::letter& one, std::span<const std::byte> body) {
    dead_letter made;
    made.seq = one.seq;
    made.origin = {id_of(one.queue), one.salt, one.sequence};
    made.why = static_cast<death>(one.why);
    made.text = one.text;
    made.attempts = static_cast<int>(one.attempts);
    made.losses = static_cast<int>(one.losses);
    made.deliveries = static_cast<int>(one.deliveries);
    made.redrives = static_cast<int>(one.redrives);
    made.put_at = wall(one.put_at);
    made.died_at = wall(one.died_at);
    if (one.delivered_at) made.delivered_at = wall(*one.delivered_at);
    made.last_consumer = id_of(one.last_consumer);
    made.attributes = read_attributes(std::as_bytes(std::span{one.head}));
    made.body = text_of(body);
    return made;
}

wire::selection selected(const letter_selection& which) {
    if (which.seqs.size() > most_seqs)
        throw error{errc::bad_option, "selection of dead letters: at most 10000 by seq at a time"};
    wire::selection all;
    if (which.why) all.why = static_cast<std::uint8_t>(*which.why);
    all.key = which.key;
    if (which.older_than) all.older_than = ms_of(*which.older_than);
    all.seqs = which.seqs;
    std::sort(all.seqs.begin(), all.seqs.end());
    all.after = which.after;
    return all;
}

}  // namespace leat::detail

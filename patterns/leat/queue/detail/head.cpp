#include <leat/queue/detail/head.hpp>

#include <leat/queue/detail/wire_io.hpp>

#include <algorithm>

namespace leat::detail {

std::uint64_t ms_of(std::chrono::nanoseconds t) {
    if (t.count() <= 0) return 0;
    return std::min<std::uint64_t>(
        static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(t).count()), longest_ms);
}

bool is_plain(const put_options& how) {
    return how.key.empty() && how.id.empty() && how.priority == 4 && !how.ttl && !how.delay && !how.at &&
           how.headers.empty() && how.hops == 0;
}

void write_attributes(const put_options& how, buffer& to) {
    wire::attributes all;
    all.key = how.key;
    all.id = how.id;
    if (how.priority != 4) all.priority = static_cast<std::uint8_t>(std::clamp(how.priority, 0, 255));
    if (how.ttl) all.ttl = ms_of(*how.ttl);
    if (how.delay) all.delay = ms_of(*how.delay);
    if (how.at) all.at = ms_of(how.at->time_since_epoch());
    if (how.hops != 0) all.hops = static_cast<std::uint8_t>(std::clamp(how.hops, 0, 255));
    for (const auto& [name, value] : how.headers) all.headers[name] = value;
    wire::write(all, to);
}

put_options read_attributes(std::span<const std::byte> head) {
    put_options how;
    wire::attributes all;
    if (head.empty() || !wire::read(head, all)) return how;
    how.key = all.key;
    how.id = all.id;
    how.priority = all.priority.value_or(4);
    how.hops = all.hops.value_or(0);
    const auto time = [](std::uint64_t ms) { return std::chrono::milliseconds{std::min(ms, longest_ms)}; };
    if (all.ttl) how.ttl = time(*all.ttl);
    if (all.delay) how.delay = time(*all.delay);
    if (all.at) how.at = std::chrono::system_clock::time_point{time(*all.at)};
    for (const auto& [name, value] : all.headers) how.headers.emplace(name, value);
    return how;
}

}  // namespace leat::detail

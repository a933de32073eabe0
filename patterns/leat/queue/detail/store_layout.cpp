#include <leat/queue/detail/store_layout.hpp>

#include <leat/queue/detail/checksum.hpp>
#include <leat/queue/detail/octets.hpp>

#include <array>

namespace leat::detail::queueing {
namespace {

/// The counts in the order in which they are stored: new ones come last, and none goes.
template <class Counts, class Visit>
void each_count(Counts& c, Visit visit) {
    for (auto* one : {&c.admitted, &c.confirmed, &c.acked, &c.late_acks, &c.released, &c.retried, &c.rejected,
                      &c.lost, &c.lost_sole, &c.stale, &c.deliveries, &c.redelivered, &c.expired, &c.overflow,
                      &c.purged, &c.discarded})
        visit(*one);
    for (auto& one : c.dead) visit(one);
    for (auto* one : {&c.dead_dropped, &c.redriven, &c.failed, &c.repeated, &c.same_id}) visit(*one);
    for (auto& one : c.refused) visit(one);
    for (auto* one :
         {&c.evicted_ids, &c.evicted_producers, &c.possible_duplicates, &c.rolled_back, &c.same_mark})
        visit(*one);
}

std::uint32_t row_sum(std::span<const std::byte> key, std::span<const std::byte> value) noexcept {
    return static_cast<std::uint32_t>(checksum(value) ^ checksum(key));
}

template <class Value>
std::optional<Value> if_ended(const octet_reader& in, Value&& value) {
    if (!in.ended()) return {};
    return std::forward<Value>(value);
}

}  // namespace

void seal_row(std::span<const std::byte> key, octets& row) {
    octet_writer{row}.number(row_sum(key, row));
}

std::optional<std::span<const std::byte>> open_row(std::span<const std::byte> key,
                                                   std::span<const std::byte> row) noexcept {
    constexpr std::size_t sum = sizeof(std::uint32_t);
    if (row.size() < sum) return {};
    const auto value = row.first(row.size() - sum);
    octet_reader in{row.last(sum)};
    return in.number<std::uint32_t>() == row_sum(key, value) ? std::optional{value} : std::nullopt;
}

void encode(octets& to, const touched_row& row) {
    octet_writer out{to};
    out.number(row.attempts);
    out.number(std::uint8_t{row.suspect});
    out.number(row.due);
}

std::optional<touched_row> decode_touched(std::uint64_t seq, std::span<const std::byte> value) {
    octet_reader in{value};
    touched_row row;
    row.seq = seq;
    row.attempts = in.number<std::uint16_t>();
    row.suspect = in.number<std::uint8_t>() != 0;
    row.due = in.number<ticks>();
    return if_ended(in, std::move(row));
}

void encode(octets& to, const letter& what) {
    octet_writer out{to};
    out.id(what.origin.queue);
    out.number(what.origin.salt);
    out.number(what.origin.seq);
    out.number(static_cast<std::uint8_t>(what.why));
    for (const auto n : {what.attempts, what.losses, what.deliveries, what.redrives}) out.number(n);
    for (const auto t : {what.put_at, what.delivered_at, what.died_at}) out.number(t);
    out.id(what.last_holder);
    out.id(what.key);
    out.number(what.ttl);
    out.number(what.priority);
    out.text(what.text);
}

std::optional<letter> decode_letter(std::span<const std::byte> value) {
    octet_reader in{value};
    letter what;
    what.origin.queue = in.id();
    what.origin.salt = in.number<std::uint64_t>();
    what.origin.seq = in.number<std::uint64_t>();
    const auto why = in.number<std::uint8_t>();
    for (auto* n : {&what.attempts, &what.losses, &what.deliveries, &what.redrives})
        *n = in.number<std::uint16_t>();
    for (auto* t : {&what.put_at, &what.delivered_at, &what.died_at}) *t = in.number<ticks>();
    what.last_holder = in.id();
    what.key = in.id();
    what.ttl = in.number<ticks>();
    what.priority = in.number<std::uint8_t>();
    what.text = in.text();
    if (why >= deaths || what.priority >= priorities) return {};
    what.why = static_cast<death>(why);
    return if_ended(in, std::move(what));
}

void encode(octets& to, const producer_row& row) {
    octet_writer out{to};
    out.number(row.last);
    out.number(row.contact);
    out.number(static_cast<std::uint32_t>(row.refused.size()));
    for (const auto& r : row.refused) {
        out.number(r.first);
        out.number(r.last);
        out.number(static_cast<std::uint8_t>(r.why));
    }
}

std::optional<producer_row> decode_producer(const id128& id, std::span<const std::byte> value) {
    octet_reader in{value};
    producer_row row;
    row.id = id;
    row.last = in.number<std::uint64_t>();
    row.contact = in.number<ticks>();
    const auto n = in.number<std::uint32_t>();
    if (!in.has(n, 17)) return {};
    for (std::uint32_t i = 0; i < n; ++i) {
        auto& r = row.refused.emplace_back();
        r.first = in.number<std::uint64_t>();
        r.last = in.number<std::uint64_t>();
        const auto why = in.number<std::uint8_t>();
        if (why >= put_refusals) return {};
        r.why = static_cast<put_refusal>(why);
    }
    return if_ended(in, std::move(row));
}

void encode(octets& to, const mark_row& row) {
    octet_writer out{to};
    out.number(row.floor);
    out.number(row.contact);
    out.number(static_cast<std::uint32_t>(row.ranges.size()));
    for (const auto& [first, last] : row.ranges) {
        out.number(first);
        out.number(last);
    }
}

std::optional<mark_row> decode_mark(std::span<const std::byte> key, std::span<const std::byte> value) {
    mark_row row;
    octet_reader name{key};
    row.of.stage = name.id();
    row.of.queue = name.id();
    row.of.salt = name.number<std::uint64_t>();
    octet_reader in{value};
    row.floor = in.number<std::uint64_t>();
    row.contact = in.number<ticks>();
    const auto n = in.number<std::uint32_t>();
    if (!name.ended() || !in.has(n, 16)) return {};
    for (std::uint32_t i = 0; i < n; ++i) {
        const auto first = in.number<std::uint64_t>();
        const auto last = in.number<std::uint64_t>();
        if (first > last || (i > 0 && first <= row.ranges.back().second)) return {};
        row.ranges.emplace_back(first, last);
    }
    return if_ended(in, std::move(row));
}

void encode(octets& to, const store_identity& what) {
    octet_writer out{to};
    out.id(what.queue);
    out.id(what.hash_key);
    out.text(what.name);
    out.number(what.openings);
    out.number(std::uint8_t{what.clean});
    out.number(static_cast<std::uint32_t>(what.salts.size()));
    for (const auto& [first, salt] : what.salts) {
        out.number(first);
        out.number(salt);
    }
}

std::optional<store_identity> decode_identity(std::span<const std::byte> value) {
    octet_reader in{value};
    store_identity what;
    what.queue = in.id();
    what.hash_key = in.id();
    what.name = in.text();
    what.openings = in.number<std::uint64_t>();
    what.clean = in.number<std::uint8_t>() != 0;
    const auto n = in.number<std::uint32_t>();
    if (!in.has(n, 16)) return {};
    for (std::uint32_t i = 0; i < n; ++i) {
        const auto first = in.number<std::uint64_t>();
        what.salts.emplace_back(first, in.number<std::uint64_t>());
    }
    return if_ended(in, std::move(what));
}

void encode(octets& to, const store_state& what) {
    octet_writer out{to};
    out.number(what.qt);
    out.number(what.next_seq);
    out.number(std::uint8_t{what.takes_paused});
    out.number(std::uint8_t{what.puts_paused});
    std::uint32_t n = 0;
    each_count(what.counts, [&](std::uint64_t) { ++n; });
    out.number(n);
    each_count(what.counts, [&](std::uint64_t count) { out.number(count); });
}

std::optional<store_state> decode_state(std::span<const std::byte> value) {
    octet_reader in{value};
    store_state what;
    what.qt = in.number<ticks>();
    what.next_seq = in.number<std::uint64_t>();
    what.takes_paused = in.number<std::uint8_t>() != 0;
    what.puts_paused = in.number<std::uint8_t>() != 0;
    auto n = in.number<std::uint32_t>();
    each_count(what.counts, [&](std::uint64_t& count) {
        if (n == 0) return;
        --n;
        count = in.number<std::uint64_t>();
    });
    return if_ended(in, std::move(what));
}

void encode(octets& to, const std::vector<out_range>& all) {
    octet_writer out{to};
    for (const auto& one : all) {
        out.number(one.first);
        out.number(one.last);
        out.number(std::uint8_t{one.sole});
    }
}

std::optional<std::vector<out_range>> decode_out(std::span<const std::byte> value) {
    octet_reader in{value};
    std::vector<out_range> all;
    while (in.has(1, 17)) {
        auto& one = all.emplace_back();
        one.first = in.number<std::uint64_t>();
        one.last = in.number<std::uint64_t>();
        one.sole = in.number<std::uint8_t>() != 0;
        const bool ascends = all.size() == 1 || all[all.size() - 2].last < one.first;
        if (!ascends || one.first > one.last) return {};
    }
    return if_ended(in, std::move(all));
}

std::optional<id_row> decode_ids(std::span<const std::byte> value) {
    octet_reader in{value};
    id_row row;
    row.at = in.number<ticks>();
    while (in.has(1, 16)) row.ids.push_back(in.id());
    return if_ended(in, std::move(row));
}

octets encode_format() {
    octets all;
    octet_writer out{all};
    out.number(store_format);
    out.number(std::uint32_t{0});
    return all;
}

std::uint32_t older_format(std::span<const std::byte> value) noexcept {
    const auto format = octet_reader{value}.number<std::uint32_t>();
    return format < store_format ? format : 0;
}

std::string unknown_format(std::span<const std::byte> value) {
    octet_reader in{value};
    const auto format = in.number<std::uint32_t>();
    const auto n = in.number<std::uint32_t>();
    if (!in.good()) return "what says its format is damaged";
    if (format == 0 || format > store_format)
        return "its format is " + std::to_string(format) + "; this version of leat reads 1 to " +
               std::to_string(store_format);
    if (n > 0 && in.has(n, 4))
        return "it needs the feature " + in.text() + ", which this version of leat does not know";
    return in.ended() ? "" : "what says its format is damaged";
}

}  // namespace leat::detail::queueing

// How a record is stored: store_layout.hpp draws it.

#include <leat/queue/detail/checksum.hpp>
#include <leat/queue/detail/octets.hpp>
#include <leat/queue/detail/store_layout.hpp>

#include <algorithm>
#include <cstring>

namespace leat::detail::queueing {
namespace {

constexpr std::size_t sums = 16;          // bytes of the checksums
constexpr std::size_t fixed = sums + 24;  // and of what follows up to the stamps
constexpr std::size_t special_size = 39, stamp_size = 12;
constexpr std::uint32_t largest = (1U << 28) - 1;

std::uint64_t sum_at(std::span<const std::byte> value, std::size_t at) noexcept {
    return octet_reader{value.subspan(at)}.number<std::uint64_t>();
}

}  // namespace

std::optional<std::size_t> index_size(std::span<const std::byte> value) noexcept {
    octet_reader in{value};
    in.bytes(sums + 8);
    const std::uint64_t count = in.number<std::uint32_t>(), stamps = in.number<std::uint32_t>(),
                        specials = in.number<std::uint32_t>(), heads = in.number<std::uint32_t>();
    const auto size =
        fixed + stamps * stamp_size + count * (heads > 0 ? 8 : 4) + specials * special_size + heads;
    if (!in.good() || size > value.size()) return {};
    return size;
}

void encode_record(octets& to, const record& rec, std::span<const special> specials) {
    octet_writer out{to};
    const auto count = rec.count();
    out.number(std::uint64_t{0});
    out.number(std::uint64_t{0});
    out.number(rec.seq(0));
    out.number(count);
    out.number(static_cast<std::uint32_t>(rec.stamps().size()));
    out.number(static_cast<std::uint32_t>(specials.size()));
    out.number(static_cast<std::uint32_t>(rec.head_bytes()));
    for (const auto& stamp : rec.stamps()) {
        out.number(stamp.from);
        out.number(stamp.at);
    }
    for (std::uint32_t i = 0; i < count; ++i)
        out.number(rec.body_size(i) << 4 | std::min<std::uint32_t>(rec.tag_of(i), tag_special));
    if (rec.head_bytes() > 0) {
        std::uint32_t end = 0;
        for (std::uint32_t i = 0; i < count; ++i)
            out.number(end += static_cast<std::uint32_t>(rec.head(i).size()));
    }
    for (const auto& one : specials) {
        out.number(one.at.i);
        out.number(one.priority);
        out.number(one.redrives);
        out.number(one.due);
        out.number(one.ttl);
        out.id(one.key);
    }
    if (rec.head_bytes() > 0) {
        for (std::uint32_t i = 0; i < count; ++i) out.bytes(rec.head(i));
    }
    out.bytes(rec.bodies());
}

void seal_record(std::span<std::byte> encoded) noexcept {
    const auto size = index_size(encoded).value_or(fixed);
    const auto bodies = checksum(encoded.subspan(size));
    std::memcpy(encoded.data() + 8, &bodies, sizeof bodies);
    const auto index = checksum(encoded.subspan(8, size - 8));
    std::memcpy(encoded.data(), &index, sizeof index);
}

bool bodies_intact(std::span<const std::byte> value) noexcept {
    const auto size = index_size(value);
    return size && checksum(value.subspan(*size)) == sum_at(value, 8);
}

std::optional<decoded_record> decode_record(std::uint64_t number, std::span<const std::byte> value) {
    const auto size = index_size(value);
    if (!size || checksum(value.subspan(8, *size - 8)) != sum_at(value, 0)) return {};
    octet_reader in{value.first(*size)};
    in.bytes(sums);
    const auto seq = in.number<std::uint64_t>();
    const auto count = in.number<std::uint32_t>(), stamps = in.number<std::uint32_t>(),
               specials = in.number<std::uint32_t>(), heads = in.number<std::uint32_t>();
    octet_reader at{in.bytes(stamps * stamp_size)}, sizes{in.bytes(std::size_t{count} * 4)},
        ends{in.bytes(heads > 0 ? std::size_t{count} * 4 : 0)}, rows{in.bytes(specials * special_size)};
    const auto attributes = in.rest();
    const auto bodies = value.subspan(*size);
    if (count == 0 || stamps == 0 || at.number<std::uint32_t>() != 0) return {};

    decoded_record made{std::make_unique<record>(), {}};
    auto& rec = *made.rec;
    rec.open(number, seq, message{}, 0, false);
    auto admitted = at.number<ticks>();
    auto next = at.has(1, stamp_size) ? at.number<std::uint32_t>() : count;
    std::uint32_t head = 0;
    std::size_t used = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (i == next) {
            admitted = at.number<ticks>();
            next = at.has(1, stamp_size) ? at.number<std::uint32_t>() : count;
        }
        const auto word = sizes.number<std::uint32_t>();
        const auto end = heads > 0 ? ends.number<std::uint32_t>() : 0;
        const auto as = static_cast<tag>(word & 15);
        if (end < head || end > attributes.size() || word >> 4 > largest ||
            (as >= priorities && as != tag_special))
            return {};
        rec.append(admitted, word >> 4, attributes.subspan(head, end - head), as);
        used += word >> 4;
        head = end;
    }
    if (used != bodies.size()) return {};
    for (std::uint32_t k = 0; k < specials; ++k) {
        auto& one = made.specials.emplace_back();
        one.at = {&rec, rows.number<std::uint32_t>()};
        one.priority = rows.number<std::uint8_t>();
        one.redrives = rows.number<std::uint16_t>();
        one.due = rows.number<ticks>();
        one.ttl = rows.number<ticks>();
        one.key = rows.id();
        if (one.at.i >= count || one.priority >= priorities || rec.tag_of(one.at.i) != tag_special) return {};
    }
    rec.chill();
    return made;
}

void end_all(record& rec, std::span<const std::byte> gone) {
    for (std::uint32_t i = 0; i < rec.count() && i / 8 < gone.size(); ++i) {
        if ((std::to_integer<unsigned>(gone[i / 8]) >> i % 8 & 1U) != 0) rec.end(i);
    }
}

bool rewrite_record(octets& to, std::uint64_t number, std::span<const std::byte> value,
                    std::span<const std::byte> gone) {
    auto was = decode_record(number, value);
    if (!was) return false;
    auto& rec = *was->rec;
    end_all(rec, gone);
    rec.drop_ended();
    auto bodies = decode_bodies(rec, value);
    if (!bodies) return false;
    rec.warm(std::move(*bodies));
    std::erase_if(was->specials, [&](const special& one) { return rec.tag_of(one.at.i) == tag_gone; });
    const auto begin = to.size();
    encode_record(to, rec, was->specials);
    seal_record(std::span{to}.subspan(begin));
    return true;
}

std::optional<message> decode_bodies(const record& rec, std::span<const std::byte> value) {
    if (!bodies_intact(value)) return {};
    const auto bodies = value.subspan(*index_size(value));
    if (bodies.size() == rec.body_bytes()) return message{bodies};
    // What has ended is not there any more, here or in the store.
    octet_reader in{value};
    in.bytes(sums + 8);
    const auto count = in.number<std::uint32_t>(), stamps = in.number<std::uint32_t>();
    in.bytes(8 + stamps * stamp_size);
    if (count != rec.count()) return {};
    message block{rec.body_bytes()};
    std::size_t from = 0, to = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t stored = in.number<std::uint32_t>() >> 4, kept = rec.body_size(i);
        if (stored > bodies.size() - from || (stored > 0 && kept > 0 && stored != kept)) return {};
        if (kept > 0 && stored > 0) std::memcpy(block.data() + to, bodies.data() + from, kept);
        if (kept > 0 && stored == 0) std::memset(block.data() + to, 0, kept);
        from += stored;
        to += kept;
    }
    return block;
}

}  // namespace leat::detail::queueing

#pragma once

#include <leat/queue/detail/store.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// The format of a queue on disk, version 3: one LMDB environment a directory, and a journal of the commits
// that it does not have yet (journal.hpp). Version 1 had no
// journal, version 2 no marks. All numbers are little-endian and stand
// one behind the other without gaps; times are nanoseconds of queue time; an id is high u64, low u64.
//
//     meta       "format"  u32 format, u32 n, then n names of required features, each u32 size and text
//                "queue"   id queue, id hash_key, u32 size and text name, u64 openings, u8 clean,
//                          u32 n, then n x { u64 first seq, u64 salt }: the openings of which messages may be
//                          there
//                "journal" u64 number of the last commit that is in the tables; none: 0
//                "0.state", "1.state"
//                          i64 qt, u64 next seq, u8 takes paused, u8 puts paused, u32 n, then n x u64 counts
//                "0.out", "1.out"
//                          n x { u64 first seq, u64 last seq, u8 sole }, ascending: what consumers in the
//                          queue's own process held (P5); not there when that is nothing
//
//     marks      id stage, id queue, u64 salt (key) -> u64 floor, i64 contact, u32 n,
//                then n x { u64 first seq, u64 last seq }, ascending: what transfers and stages have put (U6)
//
// and for a queue (N = 0) and its dead letters (N = 1), with u64 keys unless said otherwise:
//
//     N.records  number -> record, below
//     N.gone     number -> one bit a message, of those of a record that have ended. A record of which all
//     have
//                ended is not there any more; of one of which nearly all have, what has ended is left with
//                a size of 0 and without attributes (P4).
//     N.touched  seq -> u16 attempts, u8 suspect, i64 due
//     N.letters  seq -> letter: id queue, u64 salt, u64 seq, u8 why, u16 attempts, losses, deliveries,
//     redrives,
//                i64 put, delivered, died, id last holder, id key, i64 ttl, u8 priority, u32 size and text
//     N.doomed   seq -> letter that the message becomes when there is room
//     N.producers  id (key) -> u64 last, i64 contact, u32 n, then n x { u64 first, u64 last, u8 why }
//     N.ids      number of a commit -> i64 time, then the ids that it stored
//
//     record     u64 checksum of the index, which is what follows up to the bodies; u64 checksum of the
//     bodies
//                u64 first seq, u32 n messages, u32 n stamps, u32 n specials, u32 bytes of attributes
//                stamps    { u32 from, i64 admitted }: of the messages from there on
//                messages  u32 each: size << 4 | priority, or 14 for one among the specials
//                ends      u32 each: of its attributes; left out when there are none
//                specials  { u32 i, u8 priority, u16 redrives, i64 due, i64 ttl, id key }
//                attributes, bodies
//
// All rows but those of N.records end with a u32: the lower half of the checksum of the value before it, xor
// that of the key. Checksums are XXH64.

namespace leat::detail::queueing {

/// P9: one more when a version that knows only the one before would read it wrongly. An older one is upgraded
/// in the transaction of an opening, with `format` and the rest all or nothing. tests/patterns/stores has a
/// directory of each format, which each later version must open.
inline constexpr std::uint32_t store_format = 3;

/// What "queue" in `meta` says.
struct store_identity {
    id128 queue = {}, hash_key = {};
    std::string name = {};
    std::uint64_t openings = 0;
    bool clean = true;  ///< The last opening was closed in good order.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> salts = {};
};

struct store_state {
    queue_counts counts = {};
    ticks qt = 0;
    std::uint64_t next_seq = 1;
    bool takes_paused = false, puts_paused = false;
};

using octets = std::vector<std::byte>;

/// Appends a record with all its bodies; the checksums are left for `seal_record`. `specials` are those of
/// this record, in order; a message without one that is not plain any more has ended.
void encode_record(octets& to, const record& rec, std::span<const special> specials);
void seal_record(std::span<std::byte> encoded) noexcept;

void encode(octets& to, const touched_row& row);
void encode(octets& to, const letter& what);
void encode(octets& to, const producer_row& row);
void encode(octets& to, const mark_row& row);
void encode(octets& to, const store_identity& what);
void encode(octets& to, const store_state& what);
void encode(octets& to, const std::vector<out_range>& all);
[[nodiscard]] octets encode_format();

/// Every row but a record is sealed before it is put, and opened before it is decoded: nothing when it, or
/// its key, is damaged.
void seal_row(std::span<const std::byte> key, octets& row);
[[nodiscard]] std::optional<std::span<const std::byte>> open_row(std::span<const std::byte> key,
                                                                 std::span<const std::byte> row) noexcept;

/// The decoders give nothing for what is damaged. A record is cold: its bodies are not looked at.
struct decoded_record {
    std::unique_ptr<record> rec;
    std::vector<special> specials;
};
[[nodiscard]] std::optional<decoded_record> decode_record(std::uint64_t number,
                                                          std::span<const std::byte> value);
/// Bytes of the index, with what is before it: bodies begin there. Nothing when that is beyond the end.
[[nodiscard]] std::optional<std::size_t> index_size(std::span<const std::byte> value) noexcept;
[[nodiscard]] bool bodies_intact(std::span<const std::byte> value) noexcept;

/// Ends what has its bit in a row of `gone`.
void end_all(record& rec, std::span<const std::byte> gone);

/// P4: appends a stored record again without what has ended, sealed. False, and nothing to be used, when it
/// is damaged.
[[nodiscard]] bool rewrite_record(octets& to, std::uint64_t number, std::span<const std::byte> value,
                                  std::span<const std::byte> gone);

/// The bodies of a stored record, for `rec.warm`. Nothing when they are damaged.
[[nodiscard]] std::optional<message> decode_bodies(const record& rec, std::span<const std::byte> value);

[[nodiscard]] std::optional<touched_row> decode_touched(std::uint64_t seq, std::span<const std::byte> value);
[[nodiscard]] std::optional<letter> decode_letter(std::span<const std::byte> value);
[[nodiscard]] std::optional<producer_row> decode_producer(const id128& id, std::span<const std::byte> value);
[[nodiscard]] std::optional<mark_row> decode_mark(std::span<const std::byte> key,
                                                  std::span<const std::byte> value);
[[nodiscard]] std::optional<store_identity> decode_identity(std::span<const std::byte> value);
[[nodiscard]] std::optional<store_state> decode_state(std::span<const std::byte> value);
[[nodiscard]] std::optional<std::vector<out_range>> decode_out(std::span<const std::byte> value);
[[nodiscard]] std::optional<id_row> decode_ids(std::span<const std::byte> value);

/// Which older one it is; 0 when it is not. @param value of `format`, sealed
[[nodiscard]] std::uint32_t older_format(std::span<const std::byte> value) noexcept;

/// Empty when this version can read it, else why not.
[[nodiscard]] std::string unknown_format(std::span<const std::byte> value);

}  // namespace leat::detail::queueing

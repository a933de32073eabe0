#include <leat/queue/detail/store_tables.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/octets.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::size_t most_expired = 64;  // rows of ids that a commit erases

std::span<const std::byte> key_of(const std::uint64_t& number) noexcept {
    return lmdb::bytes_of_key(number);
}

std::uint64_t number_of(std::span<const std::byte> key) noexcept {
    return octet_reader{key}.number<std::uint64_t>();
}

octets key_of(const id128& id) {
    octets key;
    octet_writer{key}.id(id);
    return key;
}

}  // namespace

void store_tables::damaged(const char* table, std::uint64_t key) const {
    throw error{errc::store_unreadable,
                "row " + std::to_string(key) + " of " + prefix_ + table + " is damaged"};
}

void store_tables::open(lmdb::transaction& in) {
    const auto table = [&](const char* name) { return in.open(prefix_ + name, MDB_CREATE | MDB_INTEGERKEY); };
    meta_ = in.open("meta", MDB_CREATE);
    records_ = table("records");
    gone_ = table("gone");
    touched_ = table("touched");
    letters_ = table("letters");
    doomed_ = table("doomed");
    producers_ = in.open(prefix_ + "producers", MDB_CREATE);
    ids_ = table("ids");
}

template <class Row, class Decode>
void store_tables::read_rows(lmdb::transaction& in, MDB_dbi table, const char* name, std::vector<Row>& to,
                             Decode decode) {
    lmdb::cursor at{in, table};
    for (bool more = at.move(MDB_FIRST); more; more = at.move(MDB_NEXT)) {
        const auto value = open_row(at.key(), at.value());
        auto row = value ? decode(at.key(), *value) : std::nullopt;
        if (!row) damaged(name, number_of(at.key()));
        to.push_back(std::move(*row));
    }
}

void store_tables::read_records(lmdb::transaction& in, recovered_queue& to) {
    lmdb::cursor at{in, records_};
    for (bool more = at.move(MDB_FIRST); more; more = at.move(MDB_NEXT)) {
        const auto number = number_of(at.key());
        auto row = decode_record(number, at.value());
        if (!row || (!to.records.empty() &&
                     to.records.back()->seq(to.records.back()->count() - 1) >= row->rec->seq(0)))
            damaged("records", number);
        auto& rec = *row->rec;
        end_all(rec, gone_of(in, number));
        for (const auto& one : row->specials) {
            if (rec.tag_of(one.at.i) != tag_gone) to.specials.push_back(one);
        }
        rec.seal();
        to.last_record = number;
        if (rec.live() > 0) {
            to.records.push_back(std::move(row->rec));
        } else {
            to.emptied.push_back(number);
        }
    }
}

recovered_queue store_tables::read(lmdb::transaction& in) {
    recovered_queue all;
    const auto state = in.get(meta_, state_row());
    if (state) {
        const auto value = open_row(state_row(), *state);
        const auto known = value ? decode_state(*value) : std::nullopt;
        if (!known) throw error{errc::store_unreadable, "the state of " + prefix_ + " is damaged"};
        all.counts = known->counts;
        all.qt = known->qt;
        all.next_seq = known->next_seq;
        all.takes_paused = known->takes_paused;
        all.puts_paused = known->puts_paused;
    }
    if (const auto row = in.get(meta_, std::as_bytes(std::span{out_row_}))) {
        const auto value = open_row(std::as_bytes(std::span{out_row_}), *row);
        auto out = value ? decode_out(*value) : std::nullopt;
        if (!out) throw error{errc::store_unreadable, "what is out of " + prefix_ + " is damaged"};
        all.out = std::move(*out);
    }
    read_records(in, all);
    const auto with_seq = [](auto decode) {
        return [decode](auto key, auto value) { return decode(number_of(key), value); };
    };
    const auto as_letter = with_seq([](std::uint64_t seq, auto value) -> std::optional<letter_row> {
        auto what = decode_letter(value);
        if (!what) return {};
        return letter_row{seq, std::move(*what)};
    });
    read_rows(in, touched_, "touched", all.touched, with_seq(&decode_touched));
    read_rows(in, letters_, "letters", all.letters, as_letter);
    read_rows(in, doomed_, "doomed", all.doomed, as_letter);
    read_rows(in, producers_, "producers", all.producers, [](auto key, auto value) {
        octet_reader id{key};
        return decode_producer(id.id(), value);
    });
    id_rows_.clear();
    ids_kept_ = 0;
    read_rows(in, ids_, "ids", all.ids, with_seq([&](std::uint64_t row, auto value) {
                  auto some = decode_ids(value);
                  if (some) {
                      id_rows_.push_back({row, some->at, some->ids.size()});
                      ids_kept_ += some->ids.size();
                      next_ids_ = row + 1;
                  }
                  return some;
              }));
    return all;
}

std::optional<message> store_tables::bodies(lmdb::transaction& in, const record& rec) const {
    const auto row = in.get(records_, key_of(rec.number()));
    return row ? decode_bodies(rec, *row) : std::optional<message>{};
}

/// Seals what is in `scratch_`.
void store_tables::put(lmdb::transaction& in, MDB_dbi table, std::span<const std::byte> key) {
    seal_row(key, scratch_);
    in.put(table, key, scratch_);
}

/// Which of a record have ended.
std::span<const std::byte> store_tables::gone_of(lmdb::transaction& in, std::uint64_t record) const {
    const auto row = in.get(gone_, key_of(record));
    if (!row) return {};
    const auto value = open_row(key_of(record), *row);
    if (!value) damaged("gone", record);
    return *value;
}

template <class Row>
void store_tables::put_rows(lmdb::transaction& in, MDB_dbi table, const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        scratch_.clear();
        if constexpr (std::is_same_v<Row, letter_row>) {
            encode(scratch_, row.what);
        } else {
            encode(scratch_, row);
        }
        put(in, table, key_of(row.seq));
    }
}

/// First what is new, then what has ended, which may be the same.
void store_tables::write(lmdb::transaction& in, store_changes& all) {
    take_out_unsure(in);
    write_records(in, all);
    put_rows(in, touched_, all.touched);
    put_rows(in, letters_, all.letters);
    put_rows(in, doomed_, all.doomed);
    const auto& emptied = all.emptied;
    const auto is_emptied = [&](std::uint64_t number) {
        return std::binary_search(emptied.begin(), emptied.end(), number);
    };
    for (const auto table : {touched_, letters_, doomed_}) {
        if (in.rows(table) == 0) continue;
        for (const auto& range : all.gone)
            erase_range(in, table, range.seq, range.seq + range.last - range.first);
    }
    std::erase_if(all.gone, [&](const gone_range& one) { return is_emptied(one.record); });
    write_gone(in, all.gone);
    rewrite_records(in, all.rewritten);
    for (const auto number : emptied) {
        in.erase(records_, key_of(number));
        in.erase(gone_, key_of(number));
    }
    for (const auto& row : all.producers) {
        if (row.forgotten) {
            in.erase(producers_, key_of(row.id));
            continue;
        }
        scratch_.clear();
        encode(scratch_, row);
        put(in, producers_, key_of(row.id));
    }
    write_ids(in, all);
    write_out(in, all.out);
    scratch_.clear();
    encode(scratch_, all.state);
    put(in, meta_, state_row());
}

/// All else that a failed commit has changed is repeated by the next one.
void store_tables::take_out_unsure(lmdb::transaction& in) {
    if (unsure_.empty()) return;
    for (const auto number : unsure_) {
        in.erase(records_, key_of(number));
        in.erase(gone_, key_of(number));
    }
    in.erase(ids_, key_of(next_ids_));
}

void store_tables::write_records(lmdb::transaction& in, store_changes& all) {
    for (const auto& one : all.records) {
        const auto bytes = std::span{all.bytes}.subspan(one.begin, one.end - one.begin);
        seal_record(bytes);
        const auto to = in.reserve(records_, key_of(one.number), bytes.size());
        std::memcpy(to.data(), bytes.data(), bytes.size());
    }
}

void store_tables::write_gone(lmdb::transaction& in, std::vector<gone_range>& gone) {
    std::sort(gone.begin(), gone.end(), [](const gone_range& a, const gone_range& b) {
        return std::pair{a.record, a.first} < std::pair{b.record, b.first};
    });
    for (auto at = gone.cbegin(); at != gone.cend();) {
        const auto end =
            std::find_if(at, gone.cend(), [&](const gone_range& one) { return one.record != at->record; });
        const auto key = at->record;
        const auto before = gone_of(in, key);
        scratch_.assign(before.begin(), before.end());
        for (; at != end; ++at) {
            if (scratch_.size() <= at->last / 8) scratch_.resize(at->last / 8 + 1);
            for (auto i = at->first; i <= at->last; ++i) scratch_[i / 8] |= std::byte{1} << i % 8;
        }
        put(in, gone_, key_of(key));
    }
}

/// P5. Most queues have nothing out, and no row.
void store_tables::write_out(lmdb::transaction& in, const std::vector<out_range>& all) {
    if (all.empty()) return clear_out(in);
    scratch_.clear();
    encode(scratch_, all);
    put(in, meta_, std::as_bytes(std::span{out_row_}));
}

/// P4. One that is damaged stays as it is, so that this can still be seen.
void store_tables::rewrite_records(lmdb::transaction& in, const std::vector<rewritten_record>& all) {
    for (const auto& one : all) {
        const auto row = in.get(records_, key_of(one.number));
        scratch_.clear();
        if (!row || !rewrite_record(scratch_, one.number, *row, gone_of(in, one.number))) continue;
        in.put(records_, key_of(one.number), scratch_);
    }
}

void store_tables::erase_range(lmdb::transaction& in, MDB_dbi table, std::uint64_t first,
                               std::uint64_t last) {
    lmdb::cursor at{in, table};
    for (bool more = at.seek(key_of(first)); more && number_of(at.key()) <= last;
         more = at.seek(key_of(first)))
        at.erase();
}

/// U5: a commit's ids go together, when they are old or too many have come since.
void store_tables::write_ids(lmdb::transaction& in, const store_changes& all) {
    ids_expired_ = 0;
    ids_added_ = !all.ids.empty();
    auto kept = ids_kept_;
    while (ids_expired_ < std::min(id_rows_.size(), most_expired)) {
        const auto& oldest = id_rows_[ids_expired_];
        if (oldest.at + id_span_ > all.state.qt && kept - oldest.n < most_ids_) break;
        kept -= oldest.n;
        in.erase(ids_, key_of(oldest.row));
        ++ids_expired_;
    }
    if (!ids_added_) return;
    scratch_.clear();
    octet_writer out{scratch_};
    out.number(all.state.qt);
    for (const auto& id : all.ids) out.id(id);
    put(in, ids_, key_of(next_ids_));
    id_rows_.push_back({next_ids_, all.state.qt, all.ids.size()});
}

void store_tables::written(const store_changes& all, bool good) {
    if (!good) {
        for (const auto& one : all.records) unsure_.push_back(one.number);
        if (std::exchange(ids_added_, false)) id_rows_.pop_back();
        ids_expired_ = 0;
        return;
    }
    unsure_.clear();
    for (; ids_expired_ > 0; --ids_expired_) {
        ids_kept_ -= id_rows_.front().n;
        id_rows_.pop_front();
    }
    if (!std::exchange(ids_added_, false)) return;
    ++next_ids_;
    ids_kept_ += id_rows_.back().n;
}

}  // namespace leat::detail::queueing

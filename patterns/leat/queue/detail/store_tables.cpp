#include <leat/queue/detail/store_tables.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/octets.hpp>

#include <algorithm>
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

octets key_of(const custody_source& of) {
    octets key;
    octet_writer out{key};
    out.id(of.stage);
    out.id(of.queue);
    out.number(of.salt);
    return key;
}

octets key_of(const id128& id) {
    octets key;
    octet_writer{key}.id(id);
    return key;
}

}  // namespace

void store_tables::damaged(table_id table, std::uint64_t key) {
    throw error{errc::store_unreadable,
                "row " + std::to_string(key) + " of " + name_of(table) + " is damaged"};
}

template <class Row, class Decode>
void store_tables::read_rows(lmdb::transaction& in, rows_of what, std::vector<Row>& to, Decode decode) {
    lmdb::cursor at{in, handle(what)};
    for (bool more = at.move(MDB_FIRST); more; more = at.move(MDB_NEXT)) {
        const auto value = open_row(at.key(), at.value());
        auto row = value ? decode(at.key(), *value) : std::nullopt;
        if (!row) damaged(id(what), number_of(at.key()));
        to.push_back(std::move(*row));
    }
}

void store_tables::read_records(lmdb::transaction& in, recovered_queue& to) {
    lmdb::cursor at{in, handle(rows_of::records)};
    for (bool more = at.move(MDB_FIRST); more; more = at.move(MDB_NEXT)) {
        const auto number = number_of(at.key());
        auto row = decode_record(number, at.value());
        if (!row || (!to.records.empty() &&
                     to.records.back()->seq(to.records.back()->count() - 1) >= row->rec->seq(0)))
            damaged(id(rows_of::records), number);
        auto& rec = *row->rec;
        end_all(rec, open_gone(number, in.get(handle(rows_of::gone), key_of(number))));
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
    const auto state = in.get(tables_[meta_table], state_row());
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
    if (const auto row = in.get(tables_[meta_table], out_row())) {
        const auto value = open_row(out_row(), *row);
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
    read_rows(in, rows_of::touched, all.touched, with_seq(&decode_touched));
    read_rows(in, rows_of::letters, all.letters, as_letter);
    read_rows(in, rows_of::doomed, all.doomed, as_letter);
    read_rows(in, rows_of::producers, all.producers, [](auto key, auto value) {
        octet_reader id{key};
        return decode_producer(id.id(), value);
    });
    if (which_ == 0) read_marks(in, all);
    id_rows_.clear();
    ids_kept_ = 0;
    read_rows(in, rows_of::ids, all.ids, with_seq([&](std::uint64_t row, auto value) {
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

void store_tables::read_marks(lmdb::transaction& in, recovered_queue& to) {
    lmdb::cursor at{in, tables_[marks_table]};
    for (bool more = at.move(MDB_FIRST); more; more = at.move(MDB_NEXT)) {
        const auto value = open_row(at.key(), at.value());
        auto row = value ? decode_mark(at.key(), *value) : std::nullopt;
        if (!row) damaged(marks_table, number_of(at.key()));
        to.marks.push_back(std::move(*row));
    }
}

std::optional<message> store_tables::bodies(lmdb::transaction& in, const staged_rows& over,
                                            const record& rec) const {
    if (const auto kept = over.kept_record(id(rows_of::records), rec.number()))
        return decode_bodies(rec, *kept);
    const auto row = in.get(handle(rows_of::records), key_of(rec.number()));
    return row ? decode_bodies(rec, *row) : std::optional<message>{};
}

/// Seals what is in `scratch_`.
void store_tables::put(staged_rows& in, table_id table, std::span<const std::byte> key) {
    seal_row(key, scratch_);
    in.put(table, key, scratch_);
}

/// Which of a record have ended.
std::span<const std::byte> store_tables::open_gone(
    std::uint64_t record, const std::optional<std::span<const std::byte>>& row) const {
    if (!row) return {};
    const auto value = open_row(key_of(record), *row);
    if (!value) damaged(id(rows_of::gone), record);
    return *value;
}

std::span<const std::byte> store_tables::gone_of(staged_rows& in, std::uint64_t record) const {
    return open_gone(record, in.get(id(rows_of::gone), key_of(record)));
}

template <class Row>
void store_tables::put_rows(staged_rows& in, rows_of what, const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        scratch_.clear();
        if constexpr (std::is_same_v<Row, letter_row>) {
            encode(scratch_, row.what);
        } else {
            encode(scratch_, row);
        }
        put(in, id(what), key_of(row.seq));
    }
}

/// First what is new, then what has ended, which may be the same.
void store_tables::write(staged_rows& in, store_changes& all) {
    take_out_unsure(in);
    write_records(in, all);
    put_rows(in, rows_of::touched, all.touched);
    put_rows(in, rows_of::letters, all.letters);
    put_rows(in, rows_of::doomed, all.doomed);
    const auto& emptied = all.emptied;
    const auto is_emptied = [&](std::uint64_t number) {
        return std::binary_search(emptied.begin(), emptied.end(), number);
    };
    for (const auto what : {rows_of::touched, rows_of::letters, rows_of::doomed}) {
        if (in.empty(id(what))) continue;
        for (const auto& range : all.gone)
            in.erase_range(id(what), range.seq, range.seq + range.last - range.first);
    }
    std::erase_if(all.gone, [&](const gone_range& one) { return is_emptied(one.record); });
    write_gone(in, all.gone);
    rewrite_records(in, all.rewritten);
    for (const auto number : emptied) {
        in.erase(id(rows_of::records), key_of(number));
        in.erase(id(rows_of::gone), key_of(number));
    }
    for (const auto& row : all.producers) {
        if (row.forgotten) {
            in.erase(id(rows_of::producers), key_of(row.id));
            continue;
        }
        scratch_.clear();
        encode(scratch_, row);
        put(in, id(rows_of::producers), key_of(row.id));
    }
    write_marks(in, all.marks);
    write_ids(in, all);
    write_out(in, all.out);
    scratch_.clear();
    encode(scratch_, all.state);
    put(in, meta_table, state_row());
}

/// All else that a failed commit has changed is repeated by the next one.
void store_tables::take_out_unsure(staged_rows& in) {
    if (unsure_.empty()) return;
    for (const auto number : unsure_) {
        in.erase(id(rows_of::records), key_of(number));
        in.erase(id(rows_of::gone), key_of(number));
    }
    in.erase(id(rows_of::ids), key_of(next_ids_));
}

void store_tables::write_records(staged_rows& in, store_changes& all) {
    for (const auto& one : all.records) {
        const auto bytes = std::span{all.bytes}.subspan(one.begin, one.end - one.begin);
        seal_record(bytes);
        in.lend(id(rows_of::records), key_of(one.number), bytes);
    }
}

void store_tables::write_gone(staged_rows& in, std::vector<gone_range>& gone) {
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
        put(in, id(rows_of::gone), key_of(key));
    }
}

/// P5. Most queues have nothing out, and no row.
void store_tables::write_out(staged_rows& in, const std::vector<out_range>& all) {
    if (all.empty()) return in.erase(meta_table, out_row());
    scratch_.clear();
    encode(scratch_, all);
    put(in, meta_table, out_row());
}

/// P4. One that is damaged stays as it is, so that this can still be seen.
void store_tables::rewrite_records(staged_rows& in, const std::vector<rewritten_record>& all) {
    for (const auto& one : all) {
        const auto row = in.get(id(rows_of::records), key_of(one.number));
        scratch_.clear();
        if (!row || !rewrite_record(scratch_, one.number, *row, gone_of(in, one.number))) continue;
        in.put(id(rows_of::records), key_of(one.number), scratch_);
    }
}

void store_tables::write_marks(staged_rows& in, const std::vector<mark_row>& all) {
    for (const auto& row : all) {
        if (row.forgotten) {
            in.erase(marks_table, key_of(row.of));
            continue;
        }
        scratch_.clear();
        encode(scratch_, row);
        put(in, marks_table, key_of(row.of));
    }
}

/// U5: a commit's ids go together, when they are old or too many have come since.
void store_tables::write_ids(staged_rows& in, const store_changes& all) {
    ids_expired_ = 0;
    ids_added_ = !all.ids.empty();
    auto kept = ids_kept_;
    while (ids_expired_ < std::min(id_rows_.size(), most_expired)) {
        const auto& oldest = id_rows_[ids_expired_];
        if (oldest.at + id_span_ > all.state.qt && kept - oldest.n < most_ids_) break;
        kept -= oldest.n;
        in.erase(id(rows_of::ids), key_of(oldest.row));
        ++ids_expired_;
    }
    if (!ids_added_) return;
    scratch_.clear();
    octet_writer out{scratch_};
    out.number(all.state.qt);
    for (const auto& id : all.ids) out.id(id);
    put(in, id(rows_of::ids), key_of(next_ids_));
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

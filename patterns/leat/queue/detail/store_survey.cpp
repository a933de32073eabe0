#include <leat/queue/detail/store_survey.hpp>

#include <leat/queue/detail/octets.hpp>

#include <algorithm>
#include <iterator>

namespace leat::detail::queueing {
namespace {

constexpr std::size_t most_damages = 1000;

std::uint64_t number_of(std::span<const std::byte> key) noexcept {
    return octet_reader{key}.number<std::uint64_t>();
}

/// Without the number of its queue.
std::string short_name(rows_of what) {
    return name_of(id_of(0, what)).substr(2);
}

bool is_letter(std::uint64_t, std::span<const std::byte> value) {
    return decode_letter(value).has_value();
}

}  // namespace

std::uint64_t live_by_counts(const queue_counts& c, bool dead) noexcept {
    const auto gone =
        dead ? c.acked + c.purged + c.dead_dropped + c.redriven
             : c.acked + c.expired + c.overflow + c.purged + c.discarded + c.dead_sum() + c.failed;
    return c.admitted - gone;
}

store_survey::store_survey(lmdb::page_file& file, const journal_rows& over, int which, bool bodies,
                           std::vector<std::string>& damages, keeper keep)
    : file_(file),
      over_(over),
      which_(which),
      prefix_(std::to_string(which) + "."),
      bodies_(bodies),
      damages_(damages),
      keep_(std::move(keep)) {}

void store_survey::damage(const std::string& what) {
    damaged_ = true;
    if (damages_.size() < most_damages) damages_.push_back(prefix_ + what);
}

void store_survey::lose(std::uint64_t number, std::optional<std::uint64_t> messages, const std::string& why) {
    damage("record " + std::to_string(number) + ": " + why);
    lost.push_back({.dead_letters = which_ == 1, .number = number, .messages = messages, .why = why});
}

void store_survey::keep(rows_of what, bytes key, bytes value) const {
    if (keep_) keep_(id_of(which_, what), key, value);
}

/// False when not all of it could be read.
bool store_survey::each(table_id table, const std::string& name, const lmdb::page_file::visitor& visit,
                        const lmdb::page_file::wanted& how_much) {
    const auto found_table = file_.find(name_of(table));
    if (!found_table) damage(name + " is not there");
    bool whole = found_table.has_value();
    const auto tell = [&](const std::string& why) {
        whole = false;
        damage(name + ": " + why);
    };
    over_.over(
        table,
        [&](const auto& each_row) {
            if (found_table) file_.each(*found_table, tell, each_row, how_much);
        },
        visit);
    return whole;
}

bool store_survey::each(rows_of what, const lmdb::page_file::visitor& visit,
                        const lmdb::page_file::wanted& how_much) {
    return each(id_of(which_, what), short_name(what), visit, how_much);
}

void store_survey::read_rows(rows_of what, rows& to, const decoder& good) {
    each(what, [&](auto key, auto row) {
        const auto seq = number_of(key);
        const auto value = open_row(key, row);
        if (!value || !good(seq, *value))
            return damage(short_name(what) + " " + std::to_string(seq) + " is damaged");
        to[seq].assign(value->begin(), value->end());
    });
}

void store_survey::read(const meta_rows& meta) {
    if (const auto row = meta.find(prefix_ + "state"); row != meta.end()) {
        state_ = decode_state(row->second);
        if (!state_) damage("state is damaged");
    }
    if (state_) found.counts = state_->counts;
    read_rows(rows_of::gone, gone_, [](std::uint64_t, bytes) { return true; });
    const auto index_alone = [](bytes beginning) { return index_size(beginning).value_or(~std::size_t{0}); };
    records_missing_ = !each(
        rows_of::records, [&](auto key, auto value) { look_at_record(number_of(key), value); },
        bodies_ ? lmdb::page_file::wanted{} : index_alone);
    check_state(meta);
    read_rows(rows_of::touched, touched_,
              [](auto seq, auto value) { return decode_touched(seq, value).has_value(); });
    read_rows(rows_of::doomed, doomed_, is_letter);
    read_rows(rows_of::letters, letters_, is_letter);
    check_out(meta);
    std::uint64_t n = 0;
    each(rows_of::producers, [&](auto key, auto row) {
        ++n;
        octet_reader id{key};
        const auto name = id.id();
        const auto value = open_row(key, row);
        if (!id.ended() || !value || !decode_producer(name, *value))
            return damage("producers " + std::to_string(n) + " is damaged");
        ++producers;
        keep(rows_of::producers, key, *value);
    });
    each(rows_of::ids, [&](auto key, auto row) {
        const auto value = open_row(key, row);
        const auto some = value ? decode_ids(*value) : std::nullopt;
        if (!some) return damage("ids " + std::to_string(number_of(key)) + " is damaged");
        ids += some->ids.size();
        keep(rows_of::ids, key, *value);
    });
    const auto format = meta.find("format");
    const bool without_marks = format != meta.end() && older_format(format->second) != 0;
    if (which_ == 0 && !without_marks) read_marks();
}

void store_survey::read_marks() {
    std::uint64_t n = 0;
    each(marks_table, name_of(marks_table), [&](auto key, auto row) {
        ++n;
        const auto value = open_row(key, row);
        if (!value || !decode_mark(key, *value)) return damage("marks " + std::to_string(n) + " is damaged");
        ++sources;
        if (keep_) keep_(marks_table, key, *value);
    });
}

/// There is none before the first commit.
void store_survey::check_state(const meta_rows& meta) {
    if (meta.contains(prefix_ + "state")) return;
    if (found.records > 0 || records_missing_ || !meta.contains("queue")) return damage("state is lost");
    state_.emplace();
}

/// P5. What a message was held for is not salvaged: it is ready at its place.
void store_survey::check_out(const meta_rows& meta) {
    const auto row = meta.find(prefix_ + "out");
    if (row == meta.end()) return;
    const auto all = decode_out(row->second);
    if (!all) return damage("out is damaged");
    for (const auto& one : *all) {
        for (const auto seq : {one.first, one.last}) {
            if (!live(seq) && !records_lost())
                damage("out has message " + std::to_string(seq) + ", which is not there");
        }
    }
}

void store_survey::look_at_record(std::uint64_t number, bytes value) {
    ++found.records;
    const auto row = decode_record(number, value);
    if (!row) return lose(number, {}, "index is damaged");
    const auto& rec = *row->rec;
    const auto first = rec.seq(0), after = first + rec.count();
    std::uint64_t live = 0;
    for (std::uint32_t i = 0; i < rec.count(); ++i) live += ended(number, i) ? 0U : 1U;
    if (bodies_ && !bodies_intact(value)) return lose(number, live, "bodies are damaged");
    if (state_ && after > state_->next_seq)
        damage("record " + std::to_string(number) + " has messages that come after the last one");
    const auto next = records_.lower_bound(first);
    const auto* behind = next == records_.end() ? nullptr : &*next;
    const auto* before = next == records_.begin() ? nullptr : &*std::prev(next);
    if ((behind != nullptr && behind->first < after) ||
        (before != nullptr && before->first + before->second.count > first))
        return lose(number, live, "another record has its messages' numbers too");
    if ((behind != nullptr && behind->second.number <= number) ||
        (before != nullptr && before->second.number >= number))
        return lose(number, {}, "its own number is damaged");
    records_[first] = {number, rec.count()};
    counts_[number] = rec.count();
    next_seq = std::max(next_seq, after);
    for (std::uint32_t i = 0; i < rec.count(); ++i) {
        latest = std::max(latest, rec.admitted_at(i));
        if (ended(number, i)) continue;
        if (found.messages++ == 0)
            found.oldest = std::chrono::system_clock::time_point{
                std::chrono::duration_cast<std::chrono::system_clock::duration>(
                    std::chrono::nanoseconds{rec.admitted_at(i)})};
        found.bytes += rec.weight(i);
    }
    if (live > 0) keep(rows_of::records, lmdb::page_file::bytes{std::as_bytes(std::span{&number, 1})}, value);
}

void store_survey::add_lost(bytes key, bytes value) {
    if (key.size() != sizeof(std::uint64_t)) return;
    const auto number = number_of(key);
    const auto row = decode_record(number, value);
    if (!row || !bodies_intact(value) || counts_.contains(number)) return;
    if (over_.has(id_of(which_, rows_of::records), key)) return;
    if (state_ && row->rec->seq(0) + row->rec->count() > state_->next_seq) return;
    look_at_record(number, value);
}

void store_survey::check() {
    check_gone();
    check_rows(rows_of::touched, touched_);
    check_rows(rows_of::doomed, doomed_);
    check_rows(rows_of::letters, letters_);
    if (which_ == 1) check_letters();
    check_counts();
}

bool store_survey::ended(std::uint64_t record, std::uint64_t i) const {
    const auto bits = gone_.find(record);
    if (bits == gone_.end() || i / 8 >= bits->second.size()) return false;
    return (std::to_integer<unsigned>(bits->second[i / 8]) >> i % 8 & 1U) != 0;
}

bool store_survey::live(std::uint64_t seq) const {
    const auto after = records_.upper_bound(seq);
    if (after == records_.begin()) return false;
    const auto& [first, of] = *std::prev(after);
    return seq - first < of.count && !ended(of.number, seq - first);
}

void store_survey::check_gone() {
    for (const auto& [number, bits] : gone_) {
        const auto record = counts_.find(number);
        if (record == counts_.end()) {
            if (!records_lost()) damage("gone has record " + std::to_string(number) + ", which is not there");
            continue;
        }
        const std::size_t most = (record->second + 7) / 8;
        if (bits.size() > most)
            damage("gone has more messages of record " + std::to_string(number) + " than it has");
        keep(rows_of::gone, std::as_bytes(std::span{&number, 1}),
             bytes{bits}.first(std::min(most, bits.size())));
    }
}

void store_survey::check_rows(rows_of what, const rows& some) {
    for (const auto& [seq, value] : some) {
        if (live(seq)) {
            keep(what, std::as_bytes(std::span{&seq, 1}), value);
        } else if (!records_lost()) {
            damage(short_name(what) + " has message " + std::to_string(seq) + ", which is not there");
        }
    }
}

/// X4: what is dead says why. One that does not any more gets a letter that says so.
void store_survey::check_letters() {
    for (const auto& [first, of] : records_) {
        for (std::uint64_t i = 0; i < of.count; ++i) {
            const auto seq = first + i;
            if (ended(of.number, i) || letters_.contains(seq)) continue;
            damage("letters has nothing of message " + std::to_string(seq));
            octets row;
            encode(row, letter{.text = "its letter was damaged: why it is dead is not known"});
            keep(rows_of::letters, std::as_bytes(std::span{&seq, 1}), row);
        }
    }
}

/// I1: the counts tell how many messages are left.
void store_survey::check_counts() {
    if (!state_ || damaged_) return;
    const auto said = live_by_counts(state_->counts, which_ == 1);
    if (said != found.messages)
        damage("the counts say that " + std::to_string(said) + " messages are there; " +
               std::to_string(found.messages) + " are");
}

}  // namespace leat::detail::queueing

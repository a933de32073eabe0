#include <leat/queue/detail/store_survey.hpp>

#include <leat/queue/detail/octets.hpp>

#include <iterator>

namespace leat::detail::queueing {
namespace {

constexpr std::size_t most_damages = 1000;

std::uint64_t number_of(std::span<const std::byte> key) noexcept {
    return octet_reader{key}.number<std::uint64_t>();
}

}  // namespace

store_survey::store_survey(lmdb::transaction& in, int which, bool bodies, std::vector<std::string>& damages)
    : in_(in), prefix_(std::to_string(which) + "."), bodies_(bodies), dead_(which == 1), damages_(damages) {}

void store_survey::damage(const std::string& what) {
    if (damages_.size() < most_damages) damages_.push_back(prefix_ + what);
}

void store_survey::each(const char* table, unsigned flags, const visitor& visit) {
    const auto found_table = in_.find(prefix_ + table, flags);
    if (!found_table) return damage(std::string{table} + " is not there");
    try {
        lmdb::cursor at{in_, *found_table};
        for (bool more = at.move(MDB_FIRST); more; more = at.move(MDB_NEXT)) visit(at.key(), at.value());
    } catch (const lmdb::failure& e) {
        damage(std::string{table} + " cannot be read to its end: " + e.what());
    }
}

void store_survey::run() {
    look_at_state();
    each("gone", MDB_INTEGERKEY,
         [&](auto key, auto value) { gone_[number_of(key)].assign(value.begin(), value.end()); });
    each("records", MDB_INTEGERKEY, [&](auto key, auto value) { look_at_record(number_of(key), value); });
    for (const auto& [number, bits] : gone_) {
        const auto record = counts_.find(number);
        if (record == counts_.end()) {
            damage("gone has record " + std::to_string(number) + ", which is not there");
        } else if (bits.size() > (record->second + 7) / 8) {
            damage("gone has more messages of record " + std::to_string(number) + " than it has");
        }
    }
    const auto row = [&](const char* table, auto decode) {
        each(table, MDB_INTEGERKEY, [&, table, decode](auto key, auto value) {
            const auto seq = number_of(key);
            if (!decode(seq, value)) damage(std::string{table} + " " + std::to_string(seq) + " is damaged");
            must_be_live(table, seq);
        });
    };
    const auto is_letter = [](std::uint64_t, auto value) { return decode_letter(value).has_value(); };
    row("touched", [](std::uint64_t seq, auto value) { return decode_touched(seq, value).has_value(); });
    row("doomed", is_letter);
    row("letters", [&](std::uint64_t seq, auto value) {
        ++letters_;
        return is_letter(seq, value);
    });
    if (letters_ != (dead_ ? found.messages : 0))
        damage("letters has " + std::to_string(letters_) + " rows for " + std::to_string(found.messages) +
               " letters");
    look_at_out();
    each("producers", 0, [&](auto key, auto value) {
        ++producers;
        octet_reader id{key};
        const auto name = id.id();
        if (!id.ended() || !decode_producer(name, value))
            damage("producers " + std::to_string(producers) + " is damaged");
    });
    each("ids", MDB_INTEGERKEY, [&](auto key, auto value) {
        const auto some = decode_ids(value);
        if (!some) return damage("ids " + std::to_string(number_of(key)) + " is damaged");
        ids += some->ids.size();
    });
}

void store_survey::look_at_state() {
    const auto meta = in_.find("meta");
    const auto name = prefix_ + "state";
    const auto value = meta ? in_.get(*meta, std::as_bytes(std::span{name})) : std::nullopt;
    if (!value) return;  // nothing was committed yet
    const auto state = decode_state(*value);
    if (!state) return damage("state is damaged");
    found.counts = state->counts;
    next_seq_ = state->next_seq;
    takes_paused = state->takes_paused;
    puts_paused = state->puts_paused;
}

void store_survey::look_at_out() {
    const auto meta = in_.find("meta");
    const auto name = prefix_ + "out";
    const auto value = meta ? in_.get(*meta, std::as_bytes(std::span{name})) : std::nullopt;
    if (!value) return;
    const auto all = decode_out(*value);
    if (!all) return damage("out is damaged");
    for (const auto& one : *all) {
        must_be_live("out", one.first);
        must_be_live("out", one.last);
    }
}

bool store_survey::ended(std::uint64_t record, std::uint64_t i) const {
    const auto found_bits = gone_.find(record);
    if (found_bits == gone_.end() || i / 8 >= found_bits->second.size()) return false;
    return (std::to_integer<unsigned>(found_bits->second[i / 8]) >> i % 8 & 1U) != 0;
}

void store_survey::look_at_record(std::uint64_t number, std::span<const std::byte> value) {
    const auto name = "record " + std::to_string(number);
    ++found.records;
    const auto row = decode_record(number, value);
    if (!row) return damage(name + " is damaged: its messages are lost");
    const auto& rec = *row->rec;
    const auto first = rec.seq(0), after = first + rec.count();
    if (bodies_ && !bodies_intact(value)) damage(name + ": bodies are damaged");
    if (after > next_seq_) damage(name + " has messages that come after the last one");
    if (!records_.empty()) {
        const auto& last = *records_.rbegin();
        if (last.first + last.second.count > first)
            damage(name + " has numbers that record " + std::to_string(last.second.number) + " has too");
    }
    records_[first] = {number, rec.count()};
    counts_[number] = rec.count();
    for (std::uint32_t i = 0; i < rec.count(); ++i) {
        if (ended(number, i)) continue;
        if (found.messages++ == 0)
            found.oldest = std::chrono::system_clock::time_point{
                std::chrono::duration_cast<std::chrono::system_clock::duration>(
                    std::chrono::nanoseconds{rec.admitted_at(i)})};
        found.bytes += rec.weight(i);
    }
}

bool store_survey::live(std::uint64_t seq) const {
    const auto after = records_.upper_bound(seq);
    if (after == records_.begin()) return false;
    const auto& [first, of] = *std::prev(after);
    return seq - first < of.count && !ended(of.number, seq - first);
}

void store_survey::must_be_live(const char* table, std::uint64_t seq) {
    if (!live(seq))
        damage(std::string{table} + " has message " + std::to_string(seq) + ", which is not there");
}

}  // namespace leat::detail::queueing

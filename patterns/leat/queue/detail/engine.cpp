#include <leat/queue/detail/engine.hpp>

#include <algorithm>
#include <utility>

namespace leat::detail::queueing {
namespace {

queue_rules checked(const queue_rules& rules) {
    rules.check();
    auto all = rules.resolved(false);
    return all;
}

/// X2, X3: no ttl, no dedup, no end of attempts, no dead letters of its own.
queue_rules for_dead_letters(queue_rules rules) {
    rules.max_messages = rules.max_dead_messages;
    rules.max_bytes = rules.max_dead_bytes;
    rules.max_attempts = unlimited_attempts;
    rules.ttl.reset();
    rules.on_expiry = on_expiry::drop;
    rules.dead_letters = false;
    rules.dedup_ids = 0;
    rules.exclusive = false;
    rules.overflow =
        rules.dead_full == dead_full::drop_oldest ? queue_overflow::drop_oldest : queue_overflow::reject;
    return rules;
}

constexpr std::size_t keys_looked_at = 10'000;

consumer_stat stat_of(const holder& h) {
    return {.consumer = h.consumer,
            .live = h.live,
            .standby = h.standby,
            .barred = h.barring > 0,
            .sole = h.sole,
            .drained = h.drained,
            .held = h.held,
            .held_bytes = h.held_bytes,
            .credit_messages = h.granted_messages - h.given_messages,
            .credit_bytes = h.granted_bytes - std::min(h.granted_bytes, h.given_bytes)};
}

opening for_dead_letters(opening begin) {
    begin.next_seq = 1;
    begin.earlier.clear();
    begin.queue.low = ~begin.queue.low;  // its messages have other names than those of the queue
    ++begin.seed;
    return begin;
}

}  // namespace

engine::engine(const queue_rules& rules, store& keep, sink& out, const opening& begin)
    : rules_(checked(rules)),
      store_(keep),
      sink_(&out),
      begin_(begin),
      at_once_(rules_.durability != durability::commit),
      now_(begin.now),
      qt_(begin.qt),
      next_seq_(begin.next_seq),
      suspects_(heap_slots{&entries_}),
      suspects_by_place_(suspect_slots{&entries_}),
      due_(heap_slots{&entries_}),
      deferred_(heap_slots{&entries_}),
      expiry_(expiry_slots{&entries_}),
      by_first_waiter_(line_slots{&lines_.all()}),
      keep_line_heap_(rules_.ttl || rules_.overflow == queue_overflow::drop_oldest),
      ids_(rules_.dedup_window.count(), rules_.dedup_ids),
      random_(begin.seed) {
    for (auto& heap : returned_) heap = indexed_heap<place, heap_slots>{heap_slots{&entries_}};
    batch_.reserve(64);
    if (rules_.dead_letters) dead_.reset(new engine{dead_letters_tag{}, *this});
}

engine::engine(dead_letters_tag, const engine& of)
    : engine(for_dead_letters(of.rules_), of.store_, *of.sink_, for_dead_letters(of.begin_)) {
    is_dead_ = true;
}

engine::~engine() = default;

void engine::pause_takes(bool on) {
    takes_paused_ = on;
    mark_changed();
}

void engine::pause_puts(bool on) {
    puts_paused_ = on;
    mark_changed();
}

void engine::drain(bool on) {
    draining_ = on;
    if (dead_) dead_->drain(on);
}

/// L10: what is held stays, and so does what is not committed yet. Done at once: the store may take its time.
std::uint64_t engine::purge() {
    std::vector<std::uint32_t> all;
    for (std::uint8_t p = 0; p < priorities; ++p) {
        for (const auto& one : returned_[p].nodes()) all.push_back(one.item);
    }
    for (const auto& one : suspects_.nodes()) all.push_back(one.item);
    for (const auto& one : due_.nodes()) all.push_back(one.item);
    for (const auto& one : deferred_.nodes()) all.push_back(one.item);
    std::uint64_t purged = all.size();

    // Waiters first, so that no key goes on.
    std::vector<std::uint32_t> lines;
    lines_.each_index([&](std::uint32_t line) { lines.push_back(line); });
    for (const auto line : lines) {
        while (lines_[line].live > 0) {
            const auto w = take_first_waiter(line);
            ++purged;
            end_waiter(w);
        }
    }
    for (const auto e : all) end_entry(e);
    for (std::uint8_t p = 0; p < priorities; ++p) {
        for (; fresh_.size(p) > 0; ++purged) end_plain(fresh_.pop(p));
    }
    counts_.purged += purged;
    mark_changed();
    return purged;
}

std::array<std::optional<ticks>, priorities> engine::oldest() const {
    std::array<std::optional<ticks>, priorities> at;
    const auto look = [&](std::uint8_t p, ticks since) { at[p] = std::min(at[p].value_or(never), since); };
    for (std::uint8_t p = 0; p < priorities; ++p) {
        if (fresh_.size(p) > 0) look(p, fresh_.front_place(p).ready_at);
        if (!returned_[p].empty()) look(p, returned_[p].top().key.ready_at);
    }
    for (const auto& one : suspects_.nodes())
        look(static_cast<std::uint8_t>(priorities - 1 - one.key.rank), one.key.where.ready_at);
    return at;
}

std::vector<key_held> engine::longest_held(std::size_t most) const {
    std::vector<const key_line*> held;
    lines_.first(keys_looked_at, [&](const key_line& line) {
        if (line.head != none && entries_[line.head].is != state::ready) held.push_back(&line);
    });
    const auto end = held.begin() + static_cast<std::ptrdiff_t>(std::min(most, held.size()));
    std::partial_sort(held.begin(), end, held.end(), [&](const key_line* a, const key_line* b) {
        return entries_[a->head].where() < entries_[b->head].where();
    });
    std::vector<key_held> longest;
    for (auto line = held.begin(); line != end; ++line) {
        const auto& first = entries_[(*line)->head];
        longest.push_back({first.seq(), first.ready_at, (*line)->live, first.rec->head(first.i)});
    }
    return longest;
}

bool engine::fetch(record& rec) {
    if (!store_.fetch(rec, is_dead_)) return false;
    records_.fetched(&rec);
    return true;
}

void engine::peek(std::uint64_t most, const std::function<void(const ready_view&)>& visit) {
    const auto show = [&](spot at, const place& where, std::uint8_t priority, std::uint32_t attempts) {
        --most;
        if (!warm(*at.rec)) return;
        visit({where.seq, where.ready_at, attempts, priority, at.rec->head(at.i), at.rec->body(at.i)});
    };
    for (auto p = priorities; p-- > 0 && most > 0;) {
        auto back = returned_[p].nodes();
        const auto some = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(most, back.size()));
        std::partial_sort(back.begin(), back.begin() + some, back.end(),
                          [](const auto& a, const auto& b) { return a.key < b.key; });
        auto next = back.begin();
        const auto last = back.begin() + some;
        const auto show_back = [&] {
            const auto& e = entries_[next->item];
            show(e.at(), next->key, p, e.attempts);
            ++next;
        };
        fresh_.peek(p, most, [&](spot at) {
            const auto where = at.rec->place_of(at.i);
            while (next != last && most > 0 && next->key < where) show_back();
            if (most > 0) show(at, where, p, 0);
        });
        while (next != last && most > 0) show_back();
    }
}

consumer_stat engine::consumer(std::uint32_t handle) {
    const auto* h = holders_.find(handle);
    return h == nullptr ? consumer_stat{} : stat_of(*h);
}

std::vector<consumer_stat> engine::consumers() const {
    std::vector<consumer_stat> all;
    for (const auto i : holders_.live()) all.push_back(stat_of(holders_[i]));
    return all;
}

std::size_t engine::memory() const noexcept {
    auto all = records_.memory() + entries_.bytes() + fresh_.memory() + lines_.memory() + flying_d_.memory() +
               suspects_.memory() + suspects_by_place_.memory() + due_.memory() + deferred_.memory() +
               expiry_.memory() + by_first_waiter_.memory();
    for (const auto& heap : returned_) all += heap.memory();
    return all;
}

}  // namespace leat::detail::queueing

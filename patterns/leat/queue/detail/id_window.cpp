#include <leat/queue/detail/id_window.hpp>

#include <leat/queue/detail/slab.hpp>

#include <algorithm>

namespace leat::detail::queueing {

// Positions are counted from the first id ever, modulo 2^32; `none` is skipped by never holding so many.
std::uint64_t id_window::slot_of(const id128& id) const noexcept {
    const auto mask = table_.size() - 1;
    auto i = id.low & mask;
    while (table_[i] != none && window_[table_[i] - popped_].id != id) i = (i + 1) & mask;
    return i;
}

bool id_window::stored(const id128& id, ticks now) {
    if (table_.empty()) return false;
    const auto at = table_[slot_of(id)];
    return at != none && window_[at - popped_].at + span_ > now;
}

void id_window::add(const id128& id, ticks now) {
    if (most_ == 0) return;
    if (!table_.empty() && table_[slot_of(id)] != none) {
        // Its window has passed, or else the put would have been a duplicate; it stands where time wants it.
        expire(now, window_.size());
    }
    if (window_.size() >= most_) {
        forget_oldest();
        ++evicted_;
    }
    if (popped_ + window_.size() >= none - 1) {
        popped_ = 0;
        table_.assign(table_.size(), none);
        for (std::uint32_t i = 0; i < window_.size(); ++i) table_[slot_of(window_[i].id)] = i;
    }
    if (table_.size() < 2 * (std::size_t{window_.size()} + 1)) grow();
    window_.push_back({id, now});
    const auto mask = table_.size() - 1;
    auto i = id.low & mask;
    while (table_[i] != none) i = (i + 1) & mask;
    table_[i] = popped_ + window_.size() - 1;
}

void id_window::expire(ticks now, std::uint32_t budget) {
    for (; budget > 0 && !window_.empty() && window_.front().at + span_ <= now; --budget) forget_oldest();
}

void id_window::forget_oldest() {
    const auto mask = table_.size() - 1;
    auto hole = slot_of(window_.front().id);
    for (auto i = (hole + 1) & mask; table_[i] != none; i = (i + 1) & mask) {
        const auto home = window_[table_[i] - popped_].id.low;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        table_[hole] = table_[i];
        hole = i;
    }
    table_[hole] = none;
    window_.pop_front();
    ++popped_;
}

void id_window::grow() {
    table_.assign(std::max<std::size_t>(64, table_.size() * 2), none);
    for (std::uint32_t i = 0; i < window_.size(); ++i) {
        const auto mask = table_.size() - 1;
        auto at = window_[i].id.low & mask;
        while (table_[at] != none) at = (at + 1) & mask;
        table_[at] = popped_ + i;
    }
}

}  // namespace leat::detail::queueing

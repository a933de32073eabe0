#include <leat/queue/detail/custody_marks.hpp>

#include <algorithm>
#include <iterator>

namespace leat::detail::queueing {
namespace {

constexpr ticks hour = 3'600'000'000'000;
constexpr ticks closed_for = 24 * hour;

}  // namespace

bool number_set::contains(std::uint64_t n) const noexcept {
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), n,
                                        [](std::uint64_t at, const auto& r) { return at < r.first; });
    return after != ranges_.begin() && n <= std::prev(after)->second;
}

void number_set::add(std::uint64_t first, std::uint64_t last) {
    // The first range that the new one touches or that lies behind it, and the first that it does not touch.
    const auto from =
        std::lower_bound(ranges_.begin(), ranges_.end(), first,
                         [](const auto& r, std::uint64_t n) { return r.second < n && n - r.second > 1; });
    auto to = from;
    while (to != ranges_.end() && (to->first <= last || to->first - last == 1)) ++to;
    if (from == to) {
        ranges_.insert(from, {first, last});
        return;
    }
    from->first = std::min(from->first, first);
    from->second = std::max(std::prev(to)->second, last);
    ranges_.erase(std::next(from), to);
}

void number_set::add(const number_set& others) {
    for (const auto& [first, last] : others.ranges_) add(first, last);
}

void number_set::drop_below(std::uint64_t n) {
    const auto kept =
        std::find_if(ranges_.begin(), ranges_.end(), [&](const auto& r) { return r.second >= n; });
    ranges_.erase(ranges_.begin(), kept);
    if (!ranges_.empty()) ranges_.front().first = std::max(ranges_.front().first, n);
}

custody_marks::found custody_marks::look(const custody_mark& one, ticks now) {
    const auto known = by_source_.find(one.from);
    if (known == by_source_.end()) {
        if (one.seq < one.floor) return found::stored;
        return by_source_.size() < most_sources ? found::unknown : found::full;
    }
    auto& source = all_[known->second];
    source.contact = now;
    if (one.floor > source.floor) {
        source.floor = one.floor;
        source.stored.drop_below(one.floor);
    }
    if (one.seq < source.floor || source.stored.contains(one.seq)) return found::stored;
    if (source.flying.contains(one.seq)) return found::flying;
    if (source.gathered.contains(one.seq)) return found::gathered;
    const auto ranges =
        source.stored.all().size() + source.flying.all().size() + source.gathered.all().size();
    return ranges < most_ranges ? found::unknown : found::full;
}

void custody_marks::add(const custody_mark& one, ticks now, bool at_once) {
    auto [known, is_new] = by_source_.try_emplace(one.from, none);
    if (is_new) {
        known->second = all_.take();
        all_[known->second] = marked{};
        all_[known->second].of = one.from;
        all_[known->second].floor = one.floor;
        all_[known->second].contact = now;
    }
    auto& source = all_[known->second];
    (at_once ? source.stored : source.gathered).add(one.seq);
    touch(known->second);
}

void custody_marks::touch(std::uint32_t i) {
    if (all_[i].touched) return;
    all_[i].touched = true;
    touched_.push_back(i);
}

void custody_marks::begin_commit(std::vector<mark_row>& to, bool writes) {
    flying_.swap(touched_);
    for (const auto i : flying_) {
        auto& source = all_[i];
        source.touched = false;
        source.flies = true;
        source.flying = std::move(source.gathered);
        source.gathered.clear();
        if (!writes) continue;
        auto all = source.stored;
        all.add(source.flying);
        to.push_back({source.of, source.floor, source.contact, all.all(), false});
    }
}

/// What a failed commit has written may be there all the same: the next one writes it again.
void custody_marks::end_commit(bool good) {
    for (const auto i : flying_) {
        auto& source = all_[i];
        source.flies = false;
        if (good) {
            source.stored.add(source.flying);
            source.stored.drop_below(source.floor);
        } else {
            touch(i);
        }
        source.flying.clear();
    }
    flying_.clear();
}

void custody_marks::adopt(mark_row&& row, ticks now) {
    const auto i = all_.take();
    all_[i] = marked{};
    auto& source = all_[i];
    source.of = row.of;
    source.floor = row.floor;
    source.contact = now;
    for (const auto& [first, last] : row.ranges) source.stored.add(first, last);
    by_source_[row.of] = i;
}

void custody_marks::expire(ticks now, std::vector<mark_row>& forgotten) {
    if (now < expires_) return;
    expires_ = now + hour;
    for (auto at = by_source_.begin(); at != by_source_.end();) {
        auto& source = all_[at->second];
        source.stored.drop_below(source.floor);
        if (source.touched || source.flies || !source.stored.empty() || source.contact + closed_for > now) {
            ++at;
            continue;
        }
        forgotten.push_back({source.of, 0, 0, {}, true});
        all_.give_back(at->second);
        at = by_source_.erase(at);
    }
}

}  // namespace leat::detail::queueing

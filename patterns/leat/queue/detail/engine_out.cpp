// What consumers in this process hold (P5): a message that kills the process takes the queue with it, which
// nevertheless charges it.

#include <leat/queue/detail/engine.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace leat::detail::queueing {
namespace {

/// What is handed out after an unclean end is recorded first: for so long, and at least so many messages.
/// What kills at once is known then. What kills later does so after commits, so the next opening begins close
/// to it: behind the last commit there are no more messages than that, also when each takes a commit of its
/// own and the disk is slow.
constexpr ticks record_for = 1'000'000'000;
constexpr std::size_t record_at_least = 1024;

/// Ascending, and what follows each other as one.
void join_ranges(std::vector<out_range>& all) {
    const auto by_first = [](const out_range& a, const out_range& b) { return a.first < b.first; };
    if (!std::is_sorted(all.begin(), all.end(), by_first)) std::sort(all.begin(), all.end(), by_first);
    std::size_t n = 0;
    for (const auto& one : all) {
        if (n > 0 && all[n - 1].last + 1 == one.first && all[n - 1].sole == one.sole) {
            all[n - 1].last = one.last;
        } else {
            all[n++] = one;
        }
    }
    all.resize(n);
}

}  // namespace

/// Sole means that its holder gets nothing else as long as it has it; another one that is alone by chance may
/// have got company since the commit.
std::vector<out_range> engine::held_here() const {
    std::vector<out_range> all;
    for (const auto i : holders_.live()) {
        const auto& h = holders_[i];
        if (!h.here) continue;
        for (auto e = h.all.front(); e != none; e = entries_[e].held_next) {
            const auto seq = entries_[e].seq();
            if (!all.empty() && all.back().last + 1 == seq && all.back().sole == h.sole) {
                all.back().last = seq;
            } else {
                all.push_back({seq, seq, h.sole});
            }
        }
    }
    join_ranges(all);
    return all;
}

/// The batch is handed out, and sent when that is on disk.
void engine::hold_back(holder& h) {
    h.held_back = true;
    if (record_until_ == 0) record_until_ = qt_ + record_for;
    for (const auto& one : batch_) {
        held_back_.push_back(one.d);
        entries_[flying_d_.find(one.d)].held_back = true;
    }
}

/// A commit starts. Its holders get nothing more until it is good, else that would overtake.
void engine::begin_recording() {
    gathered_.out = held_here();
    recording_ = held_back_.size();
    recording_again_ = std::exchange(record_again_, false);
    for (const auto d : held_back_) {
        const auto e = flying_d_.find(d);
        if (e == none) continue;
        auto& h = *holders_.find(entries_[e].holder);
        h.recording = true;
        holders_.update(h);
    }
}

void engine::end_recording(bool good) {
    if (good) {
        recorded_ = recording_;
        recorded_sum_ += recording_;
        if (recording_ > 0 && record_until_ <= qt_ && recorded_sum_ >= record_at_least) record_first_ = false;
    } else {
        record_again_ = record_again_ || recording_again_;
    }
    recording_ = 0;
    recording_again_ = false;
}

/// What has ended since is left out. Leases begin now.
void engine::send_recorded() {
    if (recorded_ == 0) return;
    std::size_t done = 0;
    batch_.clear();
    holder* to = nullptr;
    const auto send = [&] {
        if (to == nullptr) return;
        to->held_back = to->recording = false;
        holders_.update(*to);
        sink_->deliver(to->handle, batch_);
        batch_.clear();
    };
    for (; done < recorded_; ++done) {
        const auto e = flying_d_.find(held_back_[done]);
        if (e == none) continue;
        auto& one = entries_[e];
        if (!warm(*one.rec)) break;
        auto* h = holders_.find(one.holder);
        if (h != to) send();
        to = h;
        one.held_back = false;
        leases_.erase(entries_, e);
        one.when = qt_ - stalled_;
        leases_.push_back(entries_, e);
        show(e);
        --batch_.back().deliveries;
    }
    send();
    held_back_.erase(held_back_.begin(), held_back_.begin() + static_cast<std::ptrdiff_t>(done));
    recorded_ -= done;
    recording_ -= std::min(recording_, done);
}

/// Rows 15, 16 and 23: what was out when the process ended was lost. Changes the rows of `touched`, and
/// returns the numbers that this is about, ascending.
std::vector<std::uint64_t> engine::charge_lost(recovered_queue& from, const std::vector<record*>& records) {
    record_first_ = !from.clean;
    std::vector<std::uint64_t> lost;
    std::vector<touched_row> all;
    auto next = from.touched.cbegin();
    auto rec = records.begin();
    for (const auto& range : from.out) {
        for (auto seq = range.first; seq <= range.last; ++seq) {
            while (rec != records.end() && (*rec)->seq((*rec)->count()) <= seq) ++rec;
            if (rec == records.end()) break;
            if (seq < (*rec)->seq(0)) continue;
            if ((*rec)->tag_of(static_cast<std::uint32_t>(seq - (*rec)->seq(0))) == tag_gone) continue;
            for (; next != from.touched.cend() && next->seq < seq; ++next) all.push_back(*next);
            touched_row row{.seq = seq};
            if (next != from.touched.cend() && next->seq == seq) row = *next++;
            ++counts_.lost;
            row.due = 0;
            if (range.sole) {
                ++counts_.lost_sole;
                if (++row.attempts < rules_.max_attempts) row.due = qt_ + back_off(row.attempts);
            } else {
                row.suspect = true;
            }
            all.push_back(row);
            lost.push_back(seq);
        }
    }
    all.insert(all.end(), next, from.touched.cend());
    from.touched = std::move(all);
    return lost;
}

}  // namespace leat::detail::queueing

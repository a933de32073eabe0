#include <leat/queue/detail/producers.hpp>

#include <algorithm>

namespace leat::detail::queueing {

void producer::raise_floor(std::uint64_t to) {
    if (to <= floor) return;
    floor = to;
    const auto kept =
        std::find_if(refused.begin(), refused.end(), [&](const auto& r) { return r.last >= to; });
    refused.erase(refused.begin(), kept);
    if (!refused.empty()) refused.front().first = std::max(refused.front().first, to);
}

void add_refused(std::vector<refused_range>& to, std::uint64_t first, std::uint64_t last, put_refusal why) {
    if (!to.empty() && to.back().last + 1 == first && to.back().why == why) {
        to.back().last = last;
    } else {
        to.push_back({first, last, why});
    }
}

void producer::add(verdict what, put_refusal why, std::uint64_t commit, std::uint64_t seq) {
    const auto number = ++received;
    if (!open.empty()) {
        auto& last = open.back();
        const bool follows = what != verdict::stored || last.seq + (number - last.first) == seq;
        if (last.what == what && last.why == why && last.commit == commit && follows) {
            last.last = number;
            return;
        }
    }
    open.push_back({number, number, what, why, commit, what == verdict::stored ? seq : 0});
}

std::uint32_t producers::find(const id128& id) const noexcept {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? none : found->second;
}

std::uint32_t producers::add(const id128& id) {
    const auto i = all_.take();
    all_[i] = producer{};
    all_[i].id = id;
    all_[i].idle = idle_.insert(idle_.end(), i);
    by_id_[id] = i;
    return i;
}

void producers::forget(std::uint32_t i) {
    if (!all_[i].connected) idle_.erase(all_[i].idle);
    by_id_.erase(all_[i].id);
    all_[i] = producer{};
    all_.give_back(i);
}

void producers::connect(std::uint32_t i) {
    if (all_[i].connected) return;
    idle_.erase(all_[i].idle);
    all_[i].connected = true;
}

void producers::disconnect(std::uint32_t i, ticks now) {
    if (!all_[i].connected) return;
    all_[i].connected = false;
    all_[i].contact = now;
    all_[i].idle = idle_.insert(idle_.end(), i);
}

}  // namespace leat::detail::queueing

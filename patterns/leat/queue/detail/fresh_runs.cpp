#include <leat/queue/detail/fresh_runs.hpp>

namespace leat::detail::queueing {

void fresh_runs::add(record* rec, std::uint32_t begin, std::uint32_t end) {
    std::array<std::uint32_t, priorities> found{}, first{};
    for (auto i = begin; i < end; ++i) {
        const auto p = rec->tag_of(i);
        if (p >= priorities) continue;
        if (found[p]++ == 0) first[p] = i;
    }
    for (std::uint8_t p = 0; p < priorities; ++p) {
        if (found[p] == 0) continue;
        if (!runs_[p].empty() && runs_[p].back().rec == rec) {
            runs_[p].back().end = end;
        } else {
            runs_[p].push_back({rec, first[p], end});
        }
        mask_ |= 1U << p;
        sizes_[p] += found[p];
        size_ += found[p];
    }
}

spot fresh_runs::pop(std::uint8_t priority) {
    auto& first = runs_[priority].front();
    const spot taken{first.rec, first.next};
    taken.rec->set_tag(taken.i, tag_special);
    do {
        ++first.next;
    } while (first.next < first.end && first.rec->tag_of(first.next) != priority);
    if (first.next >= first.end) runs_[priority].pop_front();
    if (--sizes_[priority] == 0) mask_ &= ~(1U << priority);
    --size_;
    return taken;
}

std::size_t fresh_runs::memory() const noexcept {
    std::size_t sum = 0;
    for (const auto& one : runs_) sum += one.bytes();
    return sum;
}

}  // namespace leat::detail::queueing

#include <leat/reqrep/detail/request_table.hpp>

#include <bit>

namespace leat::detail {

request_table::request_table(std::size_t most) : most_(most), buckets_(std::bit_ceil(most), none) {}

request_table::index& request_table::bucket(std::uint32_t session, std::uint64_t call) noexcept {
    auto mixed = (call ^ (std::uint64_t{session} << 32)) * 0x9e3779b97f4a7c15u;
    mixed ^= mixed >> 32;
    return buckets_[mixed & (buckets_.size() - 1)];
}

request_table::index request_table::open(std::uint32_t session, std::uint64_t call) {
    if (free_.empty()) {
        all_.emplace_back();
        free_.push_back(static_cast<index>(all_.size() - 1));
    }
    const auto which = free_.back();
    free_.pop_back();
    auto& one = all_[which];
    one.open = true;
    one.cancelled = false;
    ++one.generation;
    one.session = session;
    one.call = call;
    auto& head = bucket(session, call);
    one.next_in_bucket = std::exchange(head, which);
    ++open_;
    return which;
}

void request_table::close(index which) {
    auto& one = all_[which];
    if (one.waits) end_wait(which);
    auto* link = &bucket(one.session, one.call);
    while (*link != which) link = &all_[*link].next_in_bucket;
    *link = one.next_in_bucket;
    one.open = false;
    one.peer = message{};
    one.relays.clear();
    one.body = message{};
    one.stop.reset();
    --open_;
    free_.push_back(which);
}

void request_table::wait(index which) noexcept {
    auto& one = all_[which];
    one.waits = true;
    one.next_waiting = none;
    one.previous_waiting = last_;
    (last_ == none ? first_ : all_[last_].next_waiting) = which;
    last_ = which;
    ++waiting_;
}

void request_table::end_wait(index which) noexcept {
    auto& one = all_[which];
    one.waits = false;
    (one.previous_waiting == none ? first_ : all_[one.previous_waiting].next_waiting) = one.next_waiting;
    (one.next_waiting == none ? last_ : all_[one.next_waiting].previous_waiting) = one.previous_waiting;
    --waiting_;
}

request_table::index request_table::find(std::uint32_t session, std::uint64_t call,
                                         const message& peer) noexcept {
    for (auto at = bucket(session, call); at != none; at = all_[at].next_in_bucket) {
        const auto& one = all_[at];
        if (one.session == session && one.call == call && one.peer == peer && !one.plain) return at;
    }
    return none;
}

taken_request* request_table::of(std::uint64_t ticket) noexcept {
    const auto which = static_cast<index>(ticket);
    if (which >= all_.size()) return nullptr;
    auto& one = all_[which];
    return one.open && one.generation == static_cast<std::uint32_t>(ticket >> 32) ? &one : nullptr;
}

}  // namespace leat::detail

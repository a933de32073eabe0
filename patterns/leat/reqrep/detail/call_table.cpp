#include <leat/reqrep/detail/call_table.hpp>

namespace leat::detail {

call_table::index call_table::open() {
    if (free_.empty()) {
        calls_.emplace_back();
        free_.push_back(static_cast<index>(calls_.size() - 1));
    }
    const auto which = free_.back();
    free_.pop_back();
    auto& call = calls_[which];
    call.open = true;
    ++call.generation;
    heap_.push_back({time::max(), which});
    call.heap_at = static_cast<std::uint32_t>(heap_.size() - 1);
    return which;
}

void call_table::close(index which) {
    auto& call = calls_[which];
    call.open = false;
    call.body = message{};
    call.waiter = nullptr;
    call.done.reset();
    const auto at = call.heap_at;
    const auto last = heap_.back();
    heap_.pop_back();
    if (last.call != which) {
        put(at, last);
        sift_up(at);
        sift_down(calls_[last.call].heap_at);
    }
    free_.push_back(which);
}

open_call* call_table::find(std::uint64_t id) noexcept {
    const auto which = index_of(id);
    if (which >= calls_.size()) return nullptr;
    auto& call = calls_[which];
    constexpr auto shift = index_bits + attempt_bits;
    return call.open && id >> shift == (call.generation << shift) >> shift ? &call : nullptr;
}

void call_table::wake_at(index which, time next) {
    const auto& call = calls_[which];
    heap_[call.heap_at].next = next;
    sift_up(call.heap_at);
    sift_down(call.heap_at);
}

void call_table::sift_up(std::uint32_t at) noexcept {
    const auto one = heap_[at];
    while (at > 0) {
        const auto parent = (at - 1) / 2;
        if (heap_[parent].next <= one.next) break;
        put(at, heap_[parent]);
        at = parent;
    }
    put(at, one);
}

void call_table::sift_down(std::uint32_t at) noexcept {
    const auto one = heap_[at];
    const auto size = static_cast<std::uint32_t>(heap_.size());
    for (;;) {
        auto child = 2 * at + 1;
        if (child >= size) break;
        if (child + 1 < size && heap_[child + 1].next < heap_[child].next) ++child;
        if (one.next <= heap_[child].next) break;
        put(at, heap_[child]);
        at = child;
    }
    put(at, one);
}

}  // namespace leat::detail

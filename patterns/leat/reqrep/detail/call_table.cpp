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
    call.next = time::max();
    heap_.push_back(which);
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
    if (last != which) {
        put(at, last);
        sift_up(at);
        sift_down(calls_[last].heap_at);
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
    auto& call = calls_[which];
    call.next = next;
    sift_up(call.heap_at);
    sift_down(call.heap_at);
}

void call_table::sift_up(std::uint32_t at) noexcept {
    const auto which = heap_[at];
    while (at > 0) {
        const auto parent = (at - 1) / 2;
        if (calls_[heap_[parent]].next <= calls_[which].next) break;
        put(at, heap_[parent]);
        at = parent;
    }
    put(at, which);
}

void call_table::sift_down(std::uint32_t at) noexcept {
    const auto which = heap_[at];
    const auto size = static_cast<std::uint32_t>(heap_.size());
    for (;;) {
        auto child = 2 * at + 1;
        if (child >= size) break;
        if (child + 1 < size && calls_[heap_[child + 1]].next < calls_[heap_[child]].next) ++child;
        if (calls_[which].next <= calls_[heap_[child]].next) break;
        put(at, heap_[child]);
        at = child;
    }
    put(at, which);
}

}  // namespace leat::detail

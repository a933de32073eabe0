#include <leat/queue/detail/holders.hpp>

namespace leat::detail::queueing {

holder* holders::find(std::uint32_t handle) noexcept {
    const auto i = handle & 0xFFFF;
    if (handle == none || i >= all_.capacity()) return nullptr;
    return all_[i].handle == handle ? &all_[i] : nullptr;
}

holder* holders::find(const id128& consumer) noexcept {
    const auto found = by_id_.find(consumer);
    return found == by_id_.end() ? nullptr : &all_[found->second];
}

holder& holders::add(const id128& consumer, ticks heard) {
    const auto i = all_.take();
    auto& made = all_[i];
    // The generation tells handles of one index apart; `heap_at` keeps it while the slot is free.
    const auto generation = (made.heap_at == none ? 0 : made.heap_at) + 1;
    made = holder{};
    made.consumer = consumer;
    made.handle = (generation & 0x7FFF) << index_bits | i;
    made.live = true;
    made.order = ++hellos_;
    made.heard = heard;
    made.in_list = live_.insert(live_.end(), i);
    by_id_[consumer] = i;
    return made;
}

void holders::forget(holder& gone) {
    const auto i = index(gone);
    if (next_.has(i)) next_.erase(i);
    (gone.live ? live_ : lost_).erase(gone.in_list);
    by_id_.erase(gone.consumer);
    const auto generation = gone.handle >> index_bits;
    gone = holder{};
    gone.heap_at = generation;
    all_.give_back(i);
}

void holders::update(holder& h) {
    const auto i = index(h);
    const bool wanted = h.could_take() && !h.sole && !h.drained && !h.recording;
    const bool there = next_.has(i);
    const next_key key{h.held_bytes, h.turn};
    if (wanted && there) {
        next_.change(key, i);
    } else if (wanted) {
        next_.push(key, i);
    } else if (there) {
        next_.erase(i);
    }
}

void holders::hear(holder& h, ticks heard) {
    h.heard = heard;
    live_.splice(live_.end(), live_, h.in_list);
}

void holders::lose(holder& h, ticks forget_at) {
    h.live = false;
    h.forget_at = forget_at;
    lost_.splice(lost_.end(), live_, h.in_list);
    update(h);
}

void holders::revive(holder& h, ticks heard) {
    h.live = true;
    h.heard = heard;
    h.order = ++hellos_;
    live_.splice(live_.end(), lost_, h.in_list);
}

}  // namespace leat::detail::queueing

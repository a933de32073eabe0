#include <leat/detail/send_meter.hpp>

#include <leat/detail/tsan.hpp>

#include <algorithm>
#include <thread>

namespace leat::detail {

struct send_meter::marker {
    std::shared_ptr<send_meter> meter;
    message original;
    std::uint64_t messages = 0;
    std::size_t bytes = 0;
    std::size_t bytes_before = 0;
    std::uint32_t own_messages = 0;
    std::uint32_t frames_before = 0;
    std::thread::id sender = std::this_thread::get_id();
    bool accepted = true;
};

message send_meter::mark(message&& m, std::uint32_t messages, std::size_t size) {
    auto group = std::make_unique<marker>();
    group->meter = shared_from_this();
    group->messages =
        accepted_.load(std::memory_order_relaxed) + messages - marked_.load(std::memory_order_relaxed);
    group->bytes = bytes_ + size + frame_overhead;
    group->own_messages = messages;
    group->frames_before = frames_;
    group->bytes_before = bytes_;
    group->original = std::move(m);
    last_ = group.get();
    freed_by_sender_ = false;
    const auto length = group->original.size();
    auto* data = group->original.data();
    // From here on the free function owns the marker.
    auto marked = message::adopt(data, length, on_free, group.release());
    add(accepted_, messages);
    add(marked_, last_->messages);
    marked_bytes_ += last_->bytes;
    frames_ = size >= group_bytes ? group_frames - 1 : 0;  // large frames are markers each
    bytes_ = 0;
    return marked;
}

message send_meter::unmark(message&& marked) noexcept {
    marker& group = *last_;
    group.accepted = false;
    accepted_.fetch_sub(group.own_messages, std::memory_order_relaxed);
    marked_.fetch_sub(group.messages, std::memory_order_relaxed);
    marked_bytes_ -= group.bytes;
    frames_ = group.frames_before;
    bytes_ = group.bytes_before;
    message original = std::move(group.original);
    marked = message{};
    return original;
}

void send_meter::close(std::chrono::milliseconds linger) noexcept {
    // libzmq's timers run on a millisecond clock that is read a little before it is used.
    constexpr std::chrono::milliseconds early{2};
    const auto ends = clock::now() + linger - std::min(linger, early);
    linger_ends_.store(ends.time_since_epoch().count(), std::memory_order_release);
}

void send_meter::on_free(void*, void* hint) {
    after_receive();  // what the sender wrote before its send
    const std::unique_ptr<marker> group{static_cast<marker*>(hint)};
    if (!group->accepted) return;
    if (group->sender == std::this_thread::get_id() && group.get() == group->meter->last_) {
        group->meter->freed_by_sender_ = true;
    }
    group->meter->release(*group);
}

void send_meter::release(const marker& group) noexcept {
    const auto ends = linger_ends_.load(std::memory_order_acquire);
    const bool expired = ends != 0 && clock::now().time_since_epoch().count() >= ends;
    if (expired) {
        // Before the messages count as done: who sees none pending must see what was lost.
        const auto marked = marked_.load(std::memory_order_relaxed);
        const bool last = done_.messages.load(std::memory_order_relaxed) + group.messages == marked;
        const auto after_last = last ? accepted_.load(std::memory_order_relaxed) - marked : 0;
        done_.expired.fetch_add(group.messages + after_last, std::memory_order_acq_rel);
    }
    done_.messages.fetch_add(group.messages, std::memory_order_acq_rel);
    const auto bytes = done_.bytes.fetch_add(group.bytes) + group.bytes;
    if (bytes >= wake_at_.load()) released_.raise();
}

}  // namespace leat::detail

#include <leat/pubsub/detail/publish_state.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace leat::detail {

namespace {

constexpr std::size_t most_open = 4096;
constexpr std::size_t most_open_full = 16;  // in bytes
constexpr std::size_t most_spare = 16;

}  // namespace

// Each topic that is published to has a frame of its own that fills. They are bounded, in number and in bytes
// together: beyond it the one that was begun first is sent.

status publish_state::add_to_batch(locked& lock, published_topic& topic, const void* value,
                                   publish_channel::encoder encode, deadline until) {
    for (;;) {
        const bool full = topic.batch && (*topic.batch)->objects.size() >= batch_.bytes;
        const bool room =
            topic.batch || (batches_.size() < most_open && batched_bytes_ < most_open_full * batch_.bytes);
        if (!full && room) break;
        auto why = send_batch(full ? **topic.batch : batches_.front());
        if (why == status::timeout) why = pause(lock, until);
        if (why != status::ok) return why;
    }
    auto& batch = topic.batch ? **topic.batch : begin_batch(topic);
    const auto at = batch.objects.size();
    encode(value, batch.objects);
    batch.last_at = at;
    ++batch.count;
    batched_bytes_ += batch.objects.size() - at;
    touch();
    if (batch.objects.size() >= batch_.bytes || batch.count == std::numeric_limits<std::uint32_t>::max())
        static_cast<void>(send_batch(batch));
    return status::ok;
}

open_batch& publish_state::begin_batch(published_topic& topic) {
    if (spare_.empty()) {
        batches_.emplace_back();
    } else {
        batches_.splice(batches_.end(), spare_, spare_.begin());
    }
    auto& batch = batches_.back();
    batch.topic = &topic;
    batch.opened = deadline::clock::now();
    topic.batch = std::prev(batches_.end());
    return batch;
}

void publish_state::end_batch(open_batch& batch) {
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): an open batch is its topic's
    const auto at = *std::exchange(batch.topic->batch, std::nullopt);
    batch.count = 0;
    if (spare_.size() < most_spare) {
        spare_.splice(spare_.end(), batches_, at);
    } else {
        batches_.erase(at);
    }
}

status publish_state::send_batch(open_batch& batch) {
    auto& topic = *batch.topic;
    if (batch.count == 0) {  // its first message could not be encoded
        end_batch(batch);
        return status::ok;
    }
    if (const auto why = begin(topic.frame.share()); why != status::ok) return why;
    const auto all = batch.objects.view();
    batched_bytes_ -= all.size();
    message value;
    if (topics_.keeps_values()) value = message{all.subspan(batch.last_at)};
    // A frame that is half empty is copied, so that what waits in libzmq takes no more memory than its bytes.
    const bool copy = all.size() < batch.objects.capacity() / 2;
    message body;
    if (copy) {
        body = message{all};
        batch.objects.clear();
    } else {
        const auto size = all.size();
        body = message::adopt(batch.objects.release(), size);
        batch.objects.reserve(batch_.bytes + batch_.bytes / 8);
    }
    const auto count = batch.count;
    end_batch(batch);
    if (const auto why = finish(body, live(topic, count)); why != status::ok) return why;
    out.counts().batches_sent.add();
    if (topics_.keeps_values()) topics_.keep(topic, std::move(value));
    sent(topic, count);
    return status::ok;
}

status publish_state::send_batches(locked& lock, deadline until) {
    while (!batches_.empty()) {
        auto why = send_batch(batches_.front());
        if (why == status::timeout) why = pause(lock, until);
        if (why != status::ok) return why;
    }
    return status::ok;
}

/// Sends what has waited long enough; returns how long to wait for the next one.
deadline::clock::duration publish_state::send_due_batches() {
    const auto now = deadline::clock::now();
    while (!batches_.empty()) {
        const auto left = batches_.front().opened + batch_.delay - now;
        if (left > left.zero()) return left;
        if (send_batch(batches_.front()) != status::ok) break;
    }
    return batch_.delay;
}

}  // namespace leat::detail

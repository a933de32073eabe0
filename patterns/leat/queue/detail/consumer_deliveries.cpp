// What a consumer has, in its buffer and in handlers, until it is settled.

#include <leat/queue/detail/consumer_link.hpp>

#include <leat/queue/detail/head.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace leat::detail {
namespace {

constexpr std::size_t longest_text = 1024;

}  // namespace

leat::status consumer_link::next(taken_delivery& into, deadline until) {
    lock held{mutex_};
    const auto over = [&] { return buffered_ > 0 || stopped_ || closed_; };
    if (!over()) {
        ++waiting_;
        await(held, until, over);
        --waiting_;
    }
    if (closed_ && !stopped_) return leat::status::closed;
    if (stopped_) return leat::status::stopped;
    if (buffered_ == 0) return leat::status::timeout;
    for (auto p = buffer_.size(); p-- > 0;) {
        while (!buffer_[p].empty()) {
            const auto at = buffer_[p].front();
            buffer_[p].pop_front();
            auto& one = slots_[at.slot];
            if (one.generation != at.generation || one.is != where::buffer) continue;
            --buffered_;
            ++taken_;
            one.is = where::user;
            one.since = clock::now();
            into.link = std::static_pointer_cast<consumer_link>(shared_from_this());
            into.frame = std::move(one.frame);
            into.head = one.head;
            into.body = one.body;
            into.d = one.d;
            into.origin = {queue_id_, salt_of(one.seq), one.seq};
            into.opening = one.opening;
            into.slot = at.slot;
            into.generation = at.generation;
            into.attempts = one.attempts;
            into.deliveries = one.deliveries;
            into.ttl_left = one.ttl_left;
            return leat::status::ok;
        }
    }
    buffered_ = 0;
    return leat::status::timeout;
}

std::uint64_t consumer_link::salt_of(std::uint64_t seq) const noexcept {
    const auto after =
        std::upper_bound(salts_.begin(), salts_.end(), seq,
                         [](std::uint64_t at, const wire::salted& one) { return at < one.first; });
    return after == salts_.begin() ? salt_ : std::prev(after)->salt;
}

consumer_link::slot* consumer_link::find(const taken_delivery& which) {
    if (which.slot >= slots_.capacity()) return nullptr;
    auto& one = slots_[which.slot];
    return one.generation == which.generation && one.is != where::nowhere ? &one : nullptr;
}

void consumer_link::free_slot(std::uint32_t i) {
    auto& one = slots_[i];
    if (one.is == where::buffer) --buffered_;
    if (one.is == where::user) --taken_;
    if (one.is == where::user || one.is == where::buffer) {
        --held_;
        held_bytes_ -= one.bytes();
    }
    one.is = where::nowhere;
    ++one.generation;
    one.frame.reset();
    one.head = one.body = {};
    slots_.give_back(i);
    if (closing_ > 0 && taken_ == 0) tell_all();
}

/// The queue does not have it as ours any more. One that user code has waits for that to notice.
void consumer_link::lose(std::uint32_t i, where then) {
    auto& one = slots_[i];
    if (one.is != where::user) return free_slot(i);
    one.is = then;
    --taken_;
    --held_;
    held_bytes_ -= one.bytes();
    if (closing_ > 0 && taken_ == 0) tell_all();
}

void consumer_link::settle(const taken_delivery& which, std::uint8_t what,
                           std::optional<std::chrono::nanoseconds> delay, std::string text) {
    lock held{mutex_};
    auto* one = find(which);
    if (one == nullptr) return;
    if (closed_ || one->opening != opening_ || one->is == where::user_after_loss) {
        free_slot(which.slot);
        return;
    }
    std::optional<std::uint64_t> ms;
    if (delay) ms = ms_of(*delay);
    if (text.size() > longest_text) text.resize(longest_text);
    record(which.d, what, ms, std::move(text));
    free_slot(which.slot);
    pump();
    leave(held);
}

void consumer_link::record(std::uint64_t d, std::uint8_t what, std::optional<std::uint64_t> delay,
                           std::string&& text) {
    ++pending_count_;
    const auto same = [&](const wire::settlement& one) {
        return one.outcome == what && one.delay == delay && one.text == text;
    };
    auto group = std::find_if(pending_.begin(), pending_.end(), same);
    if (group == pending_.end()) {
        wire::settlement made;
        made.outcome = what;
        made.delay = delay;
        made.text = std::move(text);
        group = pending_.insert(pending_.end(), std::move(made));
    }
    auto& all = group->deliveries;
    if (!all.empty() && all.back().last + 1 == d) {
        all.back().last = d;
    } else {
        all.push_back({d, d});
    }
}

void consumer_link::extend(const taken_delivery& which) {
    const std::lock_guard held{mutex_};
    if (auto* one = find(which)) one->since = clock::now();
}

bool consumer_link::lost(const taken_delivery& which) {
    lock held{mutex_};
    read_what_came();
    const auto* one = find(which);
    const bool gone = one == nullptr || one->is != where::user || closed_;
    leave(held);
    return gone;
}

template <class Use>
void consumer_link::each_held(const wire::ranges& among, Use use) {
    for (std::uint32_t i = 0; i < slots_.capacity(); ++i) {
        const auto& one = slots_[i];
        if (one.is != where::buffer && one.is != where::user) continue;
        const auto after = std::upper_bound(among.begin(), among.end(), one.d,
                                            [](std::uint64_t d, auto& r) { return d < r.first; });
        if (after != among.begin() && one.d <= std::prev(after)->last) use(i);
    }
}

/// The session that had them was lost.
void consumer_link::lose_all(const wire::ranges& all) {
    each_held(all, [&](std::uint32_t i) { lose(i, where::user_after_lease); });
}

/// Their leases have ended. The queue waits for an outcome of each of them (D3): what is in the buffer was
/// not tried, and what a handler does with the others may still count (row 11).
void consumer_link::leases_ended(const wire::ranges& all) {
    each_held(all, [&](std::uint32_t i) {
        if (slots_[i].is == where::buffer)
            record(slots_[i].d, static_cast<std::uint8_t>(outcome::release), {}, {});
        lose(i, where::user_after_lease);
    });
    pump();
}

bool consumer_link::on_deliver(std::span<const std::byte> header, message& body) {
    auto frame = std::make_shared<delivered_frame>();
    frame->header = message{header};
    frame->body = std::move(body);
    if (!wire::read(frame->header.view(), frame_) || !wire::valid(frame_, frame->body.size())) return false;
    const auto all = frame->body.view();
    std::size_t at = 0, special = 0;
    std::uint64_t seq = 0;
    for (std::size_t i = 0; i < frame_.sizes.size(); ++i) {
        const auto index = slots_.take();
        auto& one = slots_[index];
        one.d = frame_.first + i;
        seq += i == 0 || frame_.sequences.size() > 1 ? frame_.sequences[i] : 1;
        one.seq = seq;
        one.opening = opening_;
        one.body = all.subspan(at, frame_.sizes[i]);
        at += frame_.sizes[i];
        one.head = {};
        one.attempts = one.deliveries = 0;
        one.ttl_left.reset();
        std::uint8_t priority = 4;
        if (special < frame_.special.size() && frame_.special[special].index == i) {
            const auto& with = frame_.special[special++];
            one.head = std::as_bytes(std::span{with.head.ptr, with.head.size});
            one.attempts = with.attempts;
            one.deliveries = with.deliveries;
            one.ttl_left = with.ttl_left;
            wire::attributes how;
            if (wire::read(one.head, how)) priority = std::min<std::uint8_t>(how.priority.value_or(4), 9);
        }
        one.frame = frame;
        one.is = where::buffer;
        got_bytes_ += one.bytes();
        held_bytes_ += one.bytes();
        buffer_[priority].push_back({index, one.generation});
    }
    const auto n = frame_.sizes.size();
    got_messages_ += n;
    held_ += n;
    buffered_ += n;
    if (stopped_) {
        release_buffer();
        pump();
        return true;
    }
    send_credit();
    if (waiting_ == 1 || (waiting_ > 0 && n == 1)) {
        tell_one();
    } else if (waiting_ > 0) {
        tell_all();
    }
    return true;
}

void consumer_link::release_buffer() {
    for (auto& each : buffer_) {
        for (; !each.empty(); each.pop_front()) {
            const auto at = each.front();
            const auto& one = slots_[at.slot];
            if (one.generation != at.generation || one.is != where::buffer) continue;
            record(one.d, static_cast<std::uint8_t>(outcome::release), {}, {});
            free_slot(at.slot);
        }
    }
}

}  // namespace leat::detail

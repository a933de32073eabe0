#include <leat/queue/detail/consumer_link.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/head.hpp>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

namespace leat {

void consumer_options::check() const {
    const auto refuse = [](const std::string& text) {
        throw error{errc::bad_option, "consumer option " + text};
    };
    if (queue.empty() || queue.size() > 255) refuse("queue has to be 1 to 255 bytes");
    if (prefetch < 1 || prefetch > 1'000'000) refuse("prefetch: allowed are 1 to 1000000");
    if (prefetch_bytes < 1) refuse("prefetch_bytes has to be at least 1");
}

}  // namespace leat

namespace leat::detail {
namespace {

constexpr std::size_t longest_text = 1024;

/// Sorts, and joins what touches.
void tidy(wire::ranges& all) {
    if (!std::is_sorted(all.begin(), all.end(), [](auto& a, auto& b) { return a.first < b.first; })) {
        std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.first < b.first; });
    }
    std::size_t kept = 0;
    for (std::size_t i = 1; i < all.size(); ++i) {
        if (all[i].first == all[kept].last + 1) {
            all[kept].last = all[i].last;
        } else {
            all[++kept] = all[i];
        }
    }
    if (!all.empty()) all.resize(kept + 1);
}

id128 id_of(const std::string& octets) {
    id128 id;
    if (octets.size() != 16) return id;
    for (std::size_t i = 0; i < 8; ++i) {
        id.high = id.high << 8 | static_cast<std::uint8_t>(octets[i]);
        id.low = id.low << 8 | static_cast<std::uint8_t>(octets[i + 8]);
    }
    return id;
}

}  // namespace

consumer_link::consumer_link(context& ctx, const endpoint& at, consumer_options options)
    : client_link(ctx, {at, (options.check(), options.queue), wire::role::consumer, options.socket}),
      options_(std::move(options)) {}

void consumer_link::begin_stop() {
    if (!options_.stop.stop_possible()) return;
    on_stop_.emplace(options_.stop, [weak = weak_from_this()] {
        if (const auto self = std::static_pointer_cast<consumer_link>(weak.lock())) self->stop();
    });
}

leat::status consumer_link::next(taken_delivery& into, deadline until) {
    lock held{mutex_};
    const auto over = [&] { return buffered_ > 0 || stopped_ || closed_; };
    if (!over() && !until.is_now()) {
        ++waiting_;
        if (until.is_never()) {
            changed_.wait(held, over);
        } else {
            changed_.wait_until(held, clock::now() + until.left(), over);
        }
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
            into.origin = {queue_id_, salt_, one.seq};
            into.opening = one.opening;
            into.slot = at.slot;
            into.generation = at.generation;
            into.attempts = one.attempts;
            into.deliveries = one.deliveries;
            return leat::status::ok;
        }
    }
    buffered_ = 0;
    return leat::status::timeout;
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
    if (one.is != where::user_after_loss) {
        --held_;
        held_bytes_ -= one.bytes();
    }
    one.is = where::nowhere;
    ++one.generation;
    one.frame.reset();
    one.head = one.body = {};
    slots_.give_back(i);
    if (closing_ > 0 && taken_ == 0) changed_.notify_all();
}

/// The queue does not have it as ours any more. One that user code has waits for that to notice.
void consumer_link::lose(std::uint32_t i) {
    auto& one = slots_[i];
    if (one.is != where::user) return free_slot(i);
    one.is = where::user_after_loss;
    --taken_;
    --held_;
    held_bytes_ -= one.bytes();
    if (closing_ > 0 && taken_ == 0) changed_.notify_all();
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
    const std::lock_guard held{mutex_};
    const auto* one = find(which);
    return one == nullptr || one->is == where::user_after_loss || closed_;
}

/// Outcomes go out at once while none is under way, else when there are many; credit when half of it is used.
void consumer_link::pump() {
    if (!up()) return;
    if (pending_count_ > 0 &&
        (settle_counter_ == 0 || pending_count_ >= std::max<std::size_t>(1, options_.prefetch / 4)))
        send_settle();
    send_credit();
}

void consumer_link::send_settle() {
    for (auto& group : pending_) tidy(group.deliveries);
    wire::settle frame;
    frame.groups = std::move(pending_);
    pending_.clear();
    pending_count_ = 0;
    const auto counter = out_ + 1;
    settle_counter_ = counter;
    const bool sent = send(frame) > 0;  // one that fails ends the session: what was not heard goes with HELLO
    unheard_.push_back({counter, std::move(frame.groups)});
    if (!sent) settle_counter_ = 0;
}

void consumer_link::send_credit() {
    if (!up()) return;
    const auto room = options_.prefetch - std::min(options_.prefetch, held_);
    const auto room_bytes = options_.prefetch_bytes - std::min(options_.prefetch_bytes, held_bytes_);
    const auto messages = stopped_ ? credit_messages_ : got_messages_ + room;
    const auto bytes = stopped_ ? credit_bytes_ : got_bytes_ + room_bytes;
    const bool due = messages >= credit_messages_ + std::max<std::size_t>(1, options_.prefetch / 2) ||
                     bytes >= credit_bytes_ + std::max<std::size_t>(1, options_.prefetch_bytes / 2);
    if (!due) return;
    // What makes the room goes first, so that the queue never thinks that more is here than `prefetch`.
    if (pending_count_ > 0) send_settle();
    if (!up()) return;
    credit_messages_ = std::max(credit_messages_, messages);
    credit_bytes_ = std::max(credit_bytes_, bytes);
    wire::credit frame;
    frame.messages = credit_messages_;
    frame.bytes = credit_bytes_;
    send(frame);
}

wire::ranges consumer_link::held() const {
    wire::ranges all;
    for (std::uint32_t i = 0; i < slots_.capacity(); ++i) {
        const auto& one = slots_[i];
        if (one.is == where::buffer || one.is == where::user) all.push_back({one.d, one.d});
    }
    tidy(all);
    return all;
}

/// W6
void consumer_link::greet(wire::hello& frame) {
    if (opening_ == 0) return;
    frame.opening = opening_;
    frame.holds = held();
    for (auto& group : pending_) tidy(group.deliveries);
    if (!pending_.empty()) unheard_.push_back({1, std::exchange(pending_, {})});
    pending_count_ = 0;
    for (const auto& one : unheard_)
        frame.outcomes.insert(frame.outcomes.end(), one.groups.begin(), one.groups.end());
}

bool consumer_link::welcomed(const wire::welcome& frame) {
    const bool same = frame.resumed && frame.opening == opening_ && frame.salt == salt_;
    if (same) {
        lose_ranges(frame.gone);
    } else {
        for (std::uint32_t i = 0; i < slots_.capacity(); ++i) {
            if (slots_[i].is == where::buffer || slots_[i].is == where::user) lose(i);
        }
    }
    opening_ = frame.opening;
    salt_ = frame.salt;
    queue_id_ = id_of(frame.queue_id);
    unheard_.clear();  // HELLO carried all of it
    settle_counter_ = 0;
    if (!same) {
        pending_.clear();
        pending_count_ = 0;
    }
    got_messages_ = got_bytes_ = credit_messages_ = credit_bytes_ = 0;
    extended_ = clock::now();
    if (stopped_) release_buffer();
    pump();
    return true;
}

void consumer_link::session_ended() {
    settle_counter_ = 0;
}

void consumer_link::heard_up_to(std::uint64_t counter) {
    while (!unheard_.empty() && unheard_.front().counter <= counter) unheard_.pop_front();
    if (settle_counter_ != 0 && settle_counter_ <= counter) {
        settle_counter_ = 0;
        if (pending_count_ > 0) pump();
    }
}

void consumer_link::lose_ranges(const wire::ranges& all) {
    for (std::uint32_t i = 0; i < slots_.capacity(); ++i) {
        const auto& one = slots_[i];
        if (one.is != where::buffer && one.is != where::user) continue;
        const auto d = one.d;
        if (std::any_of(all.begin(), all.end(), [&](auto& r) { return r.first <= d && d <= r.last; }))
            lose(i);
    }
}

bool consumer_link::received(wire::command what, std::span<const std::byte> header, message& body) {
    if (what == wire::command::deliver) return on_deliver(header, body);
    if (what == wire::command::lost) {
        wire::lost frame;
        if (!wire::read(header, frame)) return false;
        lose_ranges(frame.deliveries);
    }
    return true;
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
        std::uint8_t priority = 4;
        if (special < frame_.special.size() && frame_.special[special].index == i) {
            const auto& with = frame_.special[special++];
            one.head = std::as_bytes(std::span{with.head.ptr, with.head.size});
            one.attempts = with.attempts;
            one.deliveries = with.deliveries;
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
        changed_.notify_one();
    } else if (waiting_ > 0) {
        changed_.notify_all();
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

/// T6: renews what is held, and gives up what a handler has had for too long.
void consumer_link::tick(time now) {
    const std::chrono::milliseconds lease{terms_.lease}, max_hold{terms_.max_hold};
    if (taken_ > 0 && max_hold.count() > 0) {
        for (std::uint32_t i = 0; i < slots_.capacity(); ++i) {
            auto& one = slots_[i];
            if (one.is != where::user || now - one.since < max_hold) continue;
            record(one.d, wire::settlement::given_up, {}, {});
            lose(i);
        }
    }
    if (held_ > 0 && now - extended_ >= lease / 3) {
        extended_ = now;
        wire::extend frame;
        if (send(frame) == 0) return;
    }
    pump();
}

void consumer_link::ended() {
    release_buffer();
}

void consumer_link::stop() {
    lock held{mutex_};
    if (stopped_ || closed_) return;
    stopped_ = true;
    release_buffer();
    renew();  // whose credit is nothing, and whose HELLO carries the releases
    changed_.notify_all();
    leave(held);
}

void consumer_link::close(deadline until) {
    on_stop_.reset();
    stop();
    {
        lock held{mutex_};
        if (closed_) return;
        ++closing_;
        changed_.wait_until(held, clock::now() + until.left(), [&] { return closed_ || taken_ == 0; });
        --closing_;
        if (greeted() && pending_count_ > 0) send_settle();
        leave(held);
    }
    close_link();
}

void settle(const taken_delivery& which, outcome what, std::optional<std::chrono::nanoseconds> delay,
            std::string text) {
    which.link->settle(which, static_cast<std::uint8_t>(what), delay, std::move(text));
}
void extend(const taken_delivery& which) {
    which.link->extend(which);
}
bool lost(const taken_delivery& which) {
    return which.link->lost(which);
}
put_options attributes_of(const taken_delivery& which) {
    return read_attributes(which.head);
}

consumer_core::consumer_core(context& ctx, const endpoint& at, consumer_options options)
    : link_(std::make_shared<consumer_link>(ctx, at, std::move(options))) {
    link_->begin();
    link_->begin_stop();
}

consumer_core::~consumer_core() {
    close(link_->linger());
}

status consumer_core::next(taken_delivery& into, deadline until) {
    return link_->next(into, until);
}
status consumer_core::wait_ready(deadline until) {
    return link_->wait_ready(until);
}
void consumer_core::stop() {
    link_->stop();
}
void consumer_core::close(deadline until) {
    link_->close(until);
}

void consumer_core::run_workers(std::size_t workers, const std::function<void()>& work) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < workers; ++i) threads.emplace_back(work);
    work();
}

}  // namespace leat::detail

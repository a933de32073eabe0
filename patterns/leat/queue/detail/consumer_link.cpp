#include <leat/queue/detail/consumer_link.hpp>

#include <leat/queue/detail/id_octets.hpp>

#include <algorithm>
#include <utility>

namespace leat::detail {

consumer_link::consumer_link(context& ctx, const endpoint& at, consumer_options options)
    : client_link(ctx, {at, (options.check(), options.queue), wire::role::consumer, options.socket}),
      options_(std::move(options)) {}

void consumer_link::begin_stop() {
    if (!options_.stop.stop_possible()) return;
    on_stop_.emplace(options_.stop, [weak = weak_from_this()] {
        if (const auto self = std::static_pointer_cast<consumer_link>(weak.lock()))
            self->stop(deadline::now());
    });
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
    frame.pure = options_.pure;
    if (opening_ == 0) return;
    frame.opening = opening_;
    frame.holds = held();
    for (auto& group : pending_) tidy(group.deliveries);
    if (!pending_.empty()) unheard_.push_back({1, std::exchange(pending_, {})});
    pending_count_ = 0;
    for (auto& one : unheard_) {
        one.counter = 1;  // HELLO's
        frame.outcomes.insert(frame.outcomes.end(), one.groups.begin(), one.groups.end());
    }
}

bool consumer_link::welcomed(const wire::welcome& frame) {
    const bool same = frame.resumed && frame.opening == opening_ && frame.salt == salt_;
    if (!wire::valid(frame.gone)) return false;
    if (same) {
        lose_all(frame.gone);
    } else {
        for (std::uint32_t i = 0; i < slots_.capacity(); ++i) {
            auto& one = slots_[i];
            if (one.is == where::user_after_lease) one.is = where::user_after_loss;
            if (one.is == where::buffer || one.is == where::user) lose(i, where::user_after_loss);
        }
    }
    opening_ = frame.opening;
    salt_ = frame.salt;
    floor_ = frame.floor;
    salts_ = frame.salts;
    queue_id_ = id_of(frame.queue_id);
    heard_up_to(1);
    if (!same) {
        pending_.clear();
        pending_count_ = 0;
    }
    got_messages_ = got_bytes_ = credit_messages_ = credit_bytes_ = 0;
    extended_ = clock::now();
    if (stopped_) release_buffer();
    if (same && held_ > 0) {  // their leases may be near their end
        wire::extend all;
        if (send(all) == 0) return true;
    }
    pump();
    return true;
}

void consumer_link::session_ended() {
    settle_counter_ = 0;
}

void consumer_link::heard_up_to(std::uint64_t counter) {
    while (!unheard_.empty() && unheard_.front().counter <= counter) unheard_.pop_front();
    if (closing_ > 0 && unheard_.empty()) tell_all();
    if (settle_counter_ != 0 && settle_counter_ <= counter) {
        settle_counter_ = 0;
        if (pending_count_ > 0) pump();
    }
}

bool consumer_link::received(wire::command what, std::span<const std::byte> header, message& body) {
    if (what == wire::command::deliver) return on_deliver(header, body);
    if (what == wire::command::lost) {
        wire::lost frame;
        if (!wire::read(header, frame) || !wire::valid(frame.deliveries)) return false;
        leases_ended(frame.deliveries);
    }
    if (what == wire::command::settled) {
        wire::settled frame;
        if (!wire::read(header, frame)) return false;
        floor_ = std::max(floor_, frame.floor);
    }
    return true;
}

/// T6: renews what is held, and gives up what a handler has had for too long.
void consumer_link::tick(time now) {
    const std::chrono::milliseconds lease{terms_.lease}, max_hold{terms_.max_hold};
    if (taken_ > 0 && max_hold.count() > 0) {
        for (std::uint32_t i = 0; i < slots_.capacity(); ++i) {
            auto& one = slots_[i];
            if (one.is != where::user || now - one.since < max_hold) continue;
            record(one.d, wire::settlement::given_up, {}, {});
            lose(i, where::user_after_loss);
        }
    }
    if (held_ > 0 && now - extended_ >= lease / 3) {
        extended_ = now;
        wire::extend frame;
        if (send(frame) == 0) return;
    }
    pump();
}

std::uint64_t consumer_link::floor() {
    const std::lock_guard held{mutex_};
    return floor_;
}

void consumer_link::ended() {
    release_buffer();
}

/// What has been settled may be heard of first, until that deadline: a queue that closes with the last of it
/// cannot answer the HELLO of a new session.
void consumer_link::stop(deadline hears_until) {
    lock held{mutex_};
    if (stopped_ || closed_) return;
    stopped_ = true;
    tell_all();
    if (!hears_until.is_now() && up()) {
        if (pending_count_ > 0) send_settle();
        ++closing_;
        await(held, hears_until, [&] { return closed_ || !up() || unheard_.empty(); });
        --closing_;
    }
    release_buffer();
    renew();  // whose credit is nothing, and whose HELLO carries the releases
    leave(held);
}

status consumer_link::close(deadline until) {
    on_stop_.reset();
    stop(until);
    auto how = status::closed;
    {
        lock held{mutex_};
        if (closed_) return how;
        ++closing_;
        await(held, until, [&] { return closed_ || taken_ == 0; });
        if (greeted() && pending_count_ > 0) send_settle();
        const auto heard = [&] { return pending_count_ == 0 && unheard_.empty(); };
        await(held, until, [&] { return closed_ || heard(); });
        --closing_;
        if (!closed_) how = taken_ == 0 && heard() ? status::ok : status::timeout;
        leave(held);
    }
    close_link();
    return how;
}

}  // namespace leat::detail

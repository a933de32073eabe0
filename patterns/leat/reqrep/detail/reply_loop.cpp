#include <leat/reqrep/detail/reply_core.hpp>

#include <cerrno>

// What the context's loop does for a replier. Everything here runs on its thread, but for the two that begin
// it.

namespace leat::detail {
namespace {

// While requests come, how often the loop looks whether the workers still read. Seldom, since it takes the
// processor from a call that is under way; sooner while answers are gathered, which a slow handler holds up.
constexpr std::chrono::milliseconds tick_interval{20};
constexpr std::chrono::milliseconds gathering_interval{5};

/// Between two looks for requests whose callers want a sign of life.
constexpr std::chrono::milliseconds alive_interval{10};

/// Without an open request the ticks end.
constexpr std::chrono::seconds quiet_end{1};

}  // namespace

void reply_core::begin_on_loop() {
    end_ = events_.on_end([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_loop_end();
    });
    if (joined_.empty()) return;
    events_.post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        {
            const lock held{self->mutex_};
            if (self->ended_) return;
            self->announcing_ = self->events_.every(self->options_.heartbeat, [weak] {
                if (const auto alive = weak.lock()) alive->announce_later();
            });
        }
        self->announce_later();
    });
}

/// Called on any thread, under the mutex.
void reply_core::begin_ticks() {
    if (std::exchange(ticking_, true)) return;
    events_.post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        const lock held{self->mutex_};
        if (self->ended_) return;
        self->open_seen_ = deadline::clock::now();
        self->tick_later();
    });
}

/// On the loop, under the mutex.
void reply_core::tick_later() {
    const auto next = std::exchange(has_gathered_, false) ? gathering_interval : tick_interval;
    ticks_ = events_.after(next, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->tick();
    });
}

void reply_core::announce_later() {
    lock held{mutex_};
    if (ended_ || stopping_) return;
    announce(call_kind::hello);
    leave(held);
}

void reply_core::tick() {
    lock held{mutex_};
    ticks_ = 0;
    if (ended_) return leave_loop();
    const bool stuck = !leading_ && idle_count_ == 0 && handled_ == handled_at_tick_;
    handled_at_tick_ = handled_;
    if (!stuck && watching_) {
        events_.cancel(watch_);
        watching_ = false;
    } else if (stuck && !watching_) {
        watching_ = true;
        watch_ = events_.watch_fd(fd_, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->read_on_loop();
        });
    }
    send_gathered();
    const auto now = deadline::clock::now();
    if (now - alive_seen_ >= alive_interval) {
        alive_seen_ = now;
        look_after_open(now);
    }
    if (requests_.open_count() > 0) open_seen_ = now;
    if (now - open_seen_ < quiet_end) {
        tick_later();
    } else {
        ticking_ = false;
        if (watching_) events_.cancel(watch_);
        watching_ = false;
    }
    leave(held);
    if (stuck) read_on_loop();
}

void reply_core::read_on_loop() {
    lock held{mutex_};
    mutex_.end_turn();
    if (ended_) return leave_loop();
    constexpr int turn = 1024;
    const bool more = !leading_ && read(turn, false);
    if (ended_) return leave_loop();
    leave(held);
    if (!more) return;
    events_.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->read_on_loop();
    });
}

/// Tells the callers that their requests are being worked on. Those that have gone, or whose time is up
/// before a worker came, are not kept.
void reply_core::look_after_open(time now) {
    for (index i = 0; i < requests_.slots(); ++i) {
        auto& one = requests_[i];
        if (!one.open || one.cancelled) continue;
        if (one.waits && one.until <= now) {
            refuse_late(i);
            continue;
        }
        if (one.heartbeat.count() == 0 || now - one.told < one.heartbeat) continue;
        one.told = now;
        // The frames are needed again for the answer.
        message id = one.peer.share(), nothing;
        std::vector<message> relays;
        for (auto& relay : one.relays) relays.push_back(relay.share());
        call_header header;
        header.kind = static_cast<std::uint8_t>(call_kind::alive);
        header.session = one.session;
        header.call = one.call;
        if (send_message(id, relays, &header, nothing) != EHOSTUNREACH) continue;
        counts_.peer_gone.add();
        give_up(i);
    }
}

/// Under the mutex.
void reply_core::leave_loop() {
    if (watching_) events_.cancel(watch_);
    if (ticks_ != 0) events_.cancel(ticks_);
    if (announcing_ != 0) events_.cancel(announcing_);
    watching_ = false;
    ticks_ = 0;
    announcing_ = 0;
    router_.close();
}

/// The replier has ended.
void reply_core::retire() {
    const lock held{mutex_};
    leave_loop();
    events_.cancel(end_);
}

/// The loop has ended, and its watches and timers with it.
void reply_core::on_loop_end() {
    lock held{mutex_};
    watching_ = false;
    ticks_ = announcing_ = 0;
    if (!ended_) end();
    router_.close();
    request_stops(held);
}

}  // namespace leat::detail

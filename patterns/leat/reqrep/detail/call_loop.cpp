#include <leat/reqrep/detail/call_core.hpp>

#include <algorithm>

// What the context's loop does for a client, and the client's end. All but `close` and `retire` runs on the
// loop's thread.

namespace leat::detail {

void call_core::read_on_loop() {
    lock held{mutex_};
    mutex_.end_turn();
    posted_ = false;
    if (!finished_.empty()) run_finished(held);
    if (closed_ || leader_ != nullptr || !loop_is_needed()) {
        leave_loop();
        return leave(held);
    }
    if (!watching_) {
        watching_ = true;
        for (const auto& link : servers_.links()) {
            watches_.push_back(events_.watch_fd(link.fd, [weak = weak_from_this()] {
                if (const auto self = weak.lock()) self->read_on_loop();
            }));
        }
    }
    all_unread();
    read_unread();
    run_due();
    if (!finished_.empty()) run_finished(held);
    read_unread();
    run_ready(held);
    if (closed_) return leave_loop();
    schedule_on_loop();
    if (!unread_.empty() || !finished_.empty()) post_read();  // more than one turn's worth
}

void call_core::run_finished(lock& held) {
    running_.swap(finished_);
    running_at_ = 0;
    loop_runs_ = true;
    held.unlock();
    run_rest();
    running_.clear();
    held.lock();
    loop_runs_ = false;
    send_all_gathered();
    loop_idle_.notify_all();
}

/// A completion that closes the client goes on here with those after it.
void call_core::run_rest() {
    constexpr std::chrono::microseconds longest_wait{100};  // of a request for others to go with
    auto sent_at = deadline::clock::now();
    while (running_at_ < running_.size()) {
        {
            auto one = std::move(running_[running_at_++]);
            one.done->run(std::move(one.how));
        }
        const auto now = deadline::clock::now();
        if (now - sent_at < longest_wait) continue;
        sent_at = now;
        const lock held{mutex_};
        send_all_gathered();
        tell_leader();
    }
}

void call_core::schedule_on_loop() {
    const auto first = calls_.first_time();
    if (timer_ != 0 && first >= timer_at_) return;
    if (timer_ != 0) events_.cancel(timer_);
    timer_ = 0;
    timer_at_ = first;
    if (first == time::max()) return;
    timer_ = events_.after(std::max<std::chrono::nanoseconds>(first - deadline::clock::now(), {}),
                           [weak = weak_from_this()] {
                               const auto self = weak.lock();
                               if (!self) return;
                               {
                                   const lock held{self->mutex_};
                                   self->timer_ = 0;
                               }
                               self->read_on_loop();
                           });
}

void call_core::leave_loop() {
    for (const auto one : watches_) events_.cancel(one);
    watches_.clear();
    if (timer_ != 0) events_.cancel(timer_);
    timer_ = 0;
    timer_at_ = time::max();
    watching_ = false;
}

/// The loop has ended, and its watches with it.
void call_core::on_loop_end() {
    lock held{mutex_};
    loop_over_ = true;
    watches_.clear();
    timer_ = 0;
    watching_ = false;
    end_all(call_status::closed);
    run_finished(held);
    run_ready(held);
    servers_.close();
}

void call_core::close(call_status how) {
    lock held{mutex_};
    end_all(how);
    // Completions that the loop would run: here, so that none runs afterwards.
    if (std::this_thread::get_id() != loop_thread_) loop_idle_.wait(held, [&] { return !loop_runs_; });
    std::vector<finished> mine;
    mine.swap(finished_);
    run_ready(held);
    held.unlock();
    if (std::this_thread::get_id() == loop_thread_) run_rest();
    for (auto& one : mine) one.done->run(std::move(one.how));
    mine.clear();
    held.lock();
    // What the loop watches has to stay until it is told.
    if (!watching_) servers_.close();
    events_.post([self = shared_from_this()] {
        const lock again{self->mutex_};
        self->leave_loop();
        self->servers_.close();
    });
}

void call_core::retire() {
    events_.post([self = shared_from_this()] { self->events_.cancel(self->end_); });
}

}  // namespace leat::detail

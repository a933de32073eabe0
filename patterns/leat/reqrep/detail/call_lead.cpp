#include <leat/reqrep/detail/call_core.hpp>

#include <poll.h>

#include <algorithm>

namespace leat::detail {

answer<bytes> call_core::call(call_kind kind, std::string_view method, message&& body, deadline until,
                              const call_options& how) {
    call_waiter me;
    std::optional<std::stop_callback<std::function<void()>>> on_stop;  // goes after the lock
    lock held{mutex_};
    index which{};
    if (!open(which, kind, method, std::move(body), until, how, me.result)) return std::move(me.result);
    calls_[which].waiter = &me;
    const auto id = calls_.id(which, 0);
    place(which);
    if (how.stop.stop_possible()) {
        held.unlock();
        on_stop.emplace(how.stop, [this, id] { cancel(id); });
        held.lock();
    }
    wait(held, me);
    leave(held);
    return std::move(me.result);
}

std::uint64_t call_core::start(std::string_view method, message&& body, deadline until,
                               const call_options& how, std::unique_ptr<completion> done) {
    lock held{mutex_};
    index which{};
    answer<bytes> refused{call_status::closed};
    if (!open(which, call_kind::request, method, std::move(body), until, how, refused)) {
        end_refused(held, std::move(done), std::move(refused));
        return 0;
    }
    ++unattended_;
    calls_[which].done = std::move(done);
    const auto id = calls_.id(which, 0);
    place(which);
    // The loop reads by itself once the completion that called this has returned.
    if (loop_runs_ && std::this_thread::get_id() == loop_thread_) {
        tell_leader();
    } else {
        leave(held);
    }
    return id;
}

/// As all completions: on the loop where it matters, so that one that calls again does so in another turn.
void call_core::end_refused(lock& held, std::unique_ptr<completion> done, answer<bytes>&& how) {
    if (done->anywhere() || loop_over_) {
        held.unlock();
        done->run(std::move(how));
        return;
    }
    finished_.push_back({std::move(done), std::move(how)});
    post_read();
}

bool call_core::cancel(std::uint64_t id) {
    lock held{mutex_};
    if (calls_.find(id) == nullptr) return false;
    finish(call_table::index_of(id), call_status::cancelled);
    leave(held);
    return true;
}

/// Until the caller's call has ended.
void call_core::wait(lock& held, call_waiter& me) {
    for (;;) {
        read_unread();
        if (me.done) break;
        if (leader_ == nullptr) {
            lead(held, me);
            break;
        }
        if (!ready_.empty()) {
            run_ready(held);
            continue;
        }
        if (!unread_.empty()) wake_reader(time::min());
        if (!me.changed) me.changed.emplace();
        followers_.push_back(&me);
        me.changed->wait(held, [&] { return me.done || leader_ == nullptr; });
        std::erase(followers_, &me);
    }
    pass_on_lead();
}

void call_core::lead(lock& held, call_waiter& me) {
    leader_ = &me;
    while (!me.done) {
        run_ready(held);
        read_unread();
        if (me.done) break;
        run_due();
        if (!finished_.empty()) post_read();
        if (me.done) break;
        if (!unread_.empty())
            all_unread();  // a server that floods keeps others from being polled
        else if (ready_.empty())
            poll(held);
        mutex_.end_turn();
    }
    leader_ = nullptr;
}

/// Waits without the mutex until a socket has news, a timer is due, or the leader is woken.
void call_core::poll(lock& held) {
    polled_.clear();
    for (const auto& link : servers_.links()) polled_.push_back({link.fd, POLLIN, 0});
    polled_.push_back({wake_leader_.fd(), POLLIN, 0});
    leader_until_ = calls_.first_time();
    timespec pause{};
    if (leader_until_ != time::max()) {
        const auto left = std::max<std::chrono::nanoseconds>(leader_until_ - deadline::clock::now(), {});
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        pause = {seconds.count(), static_cast<long>(std::chrono::nanoseconds{left - seconds}.count())};
    }
    const bool for_ever = leader_until_ == time::max();
    polling_ = true;
    held.unlock();
    ::ppoll(polled_.data(), polled_.size(), for_ever ? nullptr : &pause, nullptr);
    held.lock();
    polling_ = false;
    if (polled_.back().revents != 0) wake_leader_.lower();
    for (std::size_t i = 0; i + 1 < polled_.size(); ++i) {
        if (polled_[i].revents != 0 && !closed_) unread(i);
    }
}

void call_core::pass_on_lead() {
    if (leader_ != nullptr) return;
    for (auto* one : followers_) {
        if (!one->done) return one->changed->notify_one();
    }
    if (loop_is_needed()) arm_loop();
}

/// Whether somebody has to read although no thread waits: for calls without one, or for servers that announce
/// themselves.
bool call_core::loop_is_needed() const noexcept {
    return unattended_ > 0 || (!bound().empty() && !closed_);
}

/// Has whoever reads look again if it would sleep beyond `next`.
void call_core::wake_reader(time next) {
    if (leader_ != nullptr) {
        if (polling_ && next < leader_until_) wake_leader_.raise();
    } else if (watching_ && next < timer_at_ && std::this_thread::get_id() != loop_thread_) {
        post_read();
    }
}

/// What was sent on is unread, and ZMQ_FD does not tell the leader of it.
void call_core::tell_leader() {
    if (leader_ != nullptr && !unread_.empty()) wake_reader(time::min());
}

/// Lets go of the mutex for good: nothing is left that nobody will look at.
void call_core::leave(lock& held) {
    read_unread();
    if (leader_ != nullptr) {
        tell_leader();
    } else if (loop_is_needed()) {
        arm_loop();
    }
    if (!finished_.empty()) arm_loop();
    run_ready(held);
    if (held.owns_lock()) held.unlock();
}

/// Runs the completions that need no particular thread, without the mutex.
void call_core::run_ready(lock& held) {
    while (!ready_.empty()) {
        std::vector<finished> mine;
        mine.swap(ready_);
        held.unlock();
        for (auto& one : mine) one.done->run(std::move(one.how));
        mine.clear();
        held.lock();
    }
}

void call_core::arm_loop() {
    if (!finished_.empty() || !unread_.empty() || (!watching_ && !closed_)) post_read();
}

void call_core::post_read() {
    if (std::exchange(posted_, true)) return;
    events_.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->read_on_loop();
    });
}

}  // namespace leat::detail

// Who reads what comes for a client, and who is told.

#include <leat/queue/detail/client_link.hpp>

#include <poll.h>

#include <array>
#include <utility>

namespace leat::detail {
namespace {

constexpr int frames_a_turn = 512;

}  // namespace

void client_link::leave(lock& held) {
    if (touched_ && !closed_) drain();
    have_somebody_read();
    const auto warnings = std::exchange(warnings_, {});
    held.unlock();
    for (const auto& text : warnings) warn_(text);
    run_ready();
}

/// Waits without the mutex until something has come, or others have something to tell.
void client_link::lead(lock& held, deadline until) {
    std::array<pollfd, 2> ready{{{socket_.event_fd(), POLLIN, 0}, {wake_leader_.fd(), POLLIN, 0}}};
    leading_ = has_led_ = true;
    const auto warnings = std::exchange(warnings_, {});
    held.unlock();
    for (const auto& text : warnings) warn_(text);
    run_ready();
    ::poll(ready.data(), ready.size(), until.poll_timeout());
    held.lock();
    leading_ = false;
    touched_ = true;
    if (ready[1].revents != 0) wake_leader_.lower();
}

void client_link::tell_all() noexcept {
    changed_.notify_all();
    if (leading_) wake_leader_.raise();
}

void client_link::tell_one() noexcept {
    if (following_ > 0) {
        changed_.notify_one();
    } else if (leading_) {
        wake_leader_.raise();
    }
}

void client_link::read_what_came() {
    if (!closed_ && (touched_ || !watching_)) drain();
}

void client_link::have_loop_read() {
    if (watching_ || closed_ || std::exchange(is_to_watch_, true)) return;
    events_->post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        lock held{self->mutex_};
        self->watch();
        self->leave(held);
    });
}

/// On the loop's thread. It goes on until somebody who waits reads, and begins again when nobody has for a
/// tick.
void client_link::watch() {
    is_to_watch_ = false;
    if (watching_ || closed_) return;
    watching_ = touched_ = true;
    watch_ = events_->watch_fd(socket_.event_fd(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        lock held{self->mutex_};
        if (self->leading_) {
            self->events_->cancel(self->watch_);
            self->watching_ = false;
            return;
        }
        self->touched_ = true;
        self->leave(held);
    });
}

void client_link::drain() {
    if (draining_) return;
    draining_ = true;
    touched_ = false;
    socket_.hand_over();
    int left = frames_a_turn;
    for (; left > 0 && !closed_; --left) {
        const auto how = socket_.receive(incoming_, deadline::now());
        if (how != leat::status::ok) break;
        message none;
        if (incoming_.size() <= 2) on_frame(incoming_[0], incoming_.size() == 2 ? incoming_[1] : none);
    }
    draining_ = false;
    if (left == 0) {
        events_->post([weak = weak_from_this()] {
            const auto self = weak.lock();
            if (!self) return;
            lock held{self->mutex_};
            self->touched_ = true;
            self->leave(held);
        });
    }
    touched_ = false;
}

}  // namespace leat::detail

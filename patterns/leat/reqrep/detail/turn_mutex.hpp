#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace leat::detail {

/// A mutex whose holder may let those in who wait for it. A plain one, let go and taken again at once, mostly
/// comes back to the same thread: who waits has to be woken first.
///
/// For `std::unique_lock` and `std::condition_variable_any`.
class turn_mutex {
public:
    void lock() {
        if (mutex_.try_lock()) return;
        arrived_.fetch_add(1, std::memory_order_relaxed);
        mutex_.lock();
        ++entered_;
        if (giving_way_ > 0) came_in_.notify_all();
    }
    void unlock() { mutex_.unlock(); }

    /// For a holder that goes on and on, at each of its turns: when others wait and none has come in since
    /// the last turn, all that wait now do before this returns.
    void end_turn() {
        const auto all = arrived_.load(std::memory_order_relaxed);
        if (all != entered_ && entered_ == entered_by_last_turn_) {
            std::unique_lock held{mutex_, std::adopt_lock};
            ++giving_way_;
            came_in_.wait(held, [&] { return static_cast<std::int64_t>(entered_ - all) >= 0; });
            --giving_way_;
            held.release();
        }
        entered_by_last_turn_ = entered_;
    }

private:
    std::mutex mutex_;
    std::atomic<std::uint64_t> arrived_ = 0;  // who had to wait
    std::uint64_t entered_ = 0;               // of those; this and what follows: under the mutex
    std::uint64_t entered_by_last_turn_ = 0;
    unsigned giving_way_ = 0;
    std::condition_variable came_in_;
};

}  // namespace leat::detail

#pragma once

#include <atomic>
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
        entered_.fetch_add(1, std::memory_order_release);
        if (giving_way_ > 0) entered_.notify_all();
    }
    void unlock() { mutex_.unlock(); }

    /// For a holder that goes on and on, at each of its turns: when others wait and none has come in since
    /// the last turn, all that wait now do before this returns. Who gave way waits like any other to come
    /// back: a holder that also goes on and on lets it in at its own turns.
    void end_turn() {
        const auto all = arrived_.load(std::memory_order_relaxed);
        if (all != entered_.load(std::memory_order_relaxed) && entered_ == entered_by_last_turn_) {
            ++giving_way_;
            unlock();
            for (auto in = entered_.load(); static_cast<std::int32_t>(in - all) < 0; in = entered_.load())
                entered_.wait(in);
            lock();
            --giving_way_;
        }
        entered_by_last_turn_ = entered_;
    }

private:
    std::mutex mutex_;
    std::atomic<std::uint32_t> arrived_ = 0;  // who had to wait
    std::atomic<std::uint32_t> entered_ = 0;  // of those; written under the mutex
    std::uint32_t entered_by_last_turn_ = 0;  // this and what follows: under the mutex
    unsigned giving_way_ = 0;
};

}  // namespace leat::detail

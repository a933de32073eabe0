#pragma once

#include <leat/flow/detail/flowing.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace leat::detail {

/// A step between others.
template <class T, class Next>
class middle_step : public step<T> {
public:
    using time_point = typename step<T>::clock::time_point;

    explicit middle_step(std::unique_ptr<step<Next>> next) : next_(std::move(next)) {}
    void tick(time_point now, bool all) override { next_->tick(now, all); }
    [[nodiscard]] time_point due() const override { return next_->due(); }
    bool finish(deadline until) override { return next_->finish(until); }

protected:
    std::unique_ptr<step<Next>> next_;
};

/// Calls `apply(flowing<T>&, step<Next>&)` for each value.
template <class T, class Next, class Apply>
class apply_step final : public middle_step<T, Next> {
public:
    apply_step(std::unique_ptr<step<Next>> next, std::shared_ptr<flow_state> state, Apply apply)
        : middle_step<T, Next>(std::move(next)), state_(std::move(state)), apply_(std::move(apply)) {}

    void put(flowing<T>&& one) override {
        auto from = one.from;
        try {
            apply_(one, *this->next_);
            from.done();
        } catch (...) {
            state_->fail(from);
        }
        one.from.done();  // what `apply_` has handed on has its own
    }

private:
    std::shared_ptr<flow_state> state_;
    Apply apply_;
};

/// Gathers values until there are `most`, or the first has waited for `delay`.
template <class T>
class batch_step final : public serial_step<T> {
public:
    using time_point = typename step<T>::clock::time_point;

    batch_step(std::unique_ptr<step<std::vector<T>>> next, std::size_t most, std::chrono::nanoseconds delay)
        : next_(std::move(next)), most_(most), delay_(delay) {}

    void tick(time_point now, bool all) override {
        {
            const std::lock_guard lock{this->mutex_};
            if (!values_.empty() && (all || due_ <= now)) hand_on();
        }
        next_->tick(now, all);
    }
    [[nodiscard]] time_point due() const override {
        const std::lock_guard lock{this->mutex_};
        return std::min(values_.empty() ? time_point::max() : due_, next_->due());
    }
    bool finish(deadline until) override { return next_->finish(until); }

private:
    void take(flowing<T>&& one) override {
        if (values_.empty()) due_ = step<T>::clock::now() + delay_;
        values_.push_back(std::move(one.value));
        from_.add(std::move(one.from));
        if (values_.size() >= most_) hand_on();
    }
    void hand_on() { next_->put({std::exchange(values_, {}), std::exchange(from_, {}), {}}); }

    std::unique_ptr<step<std::vector<T>>> next_;
    const std::size_t most_;
    const std::chrono::nanoseconds delay_;
    std::vector<T> values_;
    origins from_;
    time_point due_{};
};

/// What follows runs on threads of its own, in the inputs' order if that is asked for.
template <class T>
class worker_step final : public middle_step<T, T> {
public:
    using time_point = typename step<T>::clock::time_point;

    worker_step(std::unique_ptr<step<T>> next, unsigned workers, bool in_order)
        : middle_step<T, T>(std::move(next)), room_(4 * std::size_t{workers}), in_order_(in_order) {
        for (unsigned i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
    }
    ~worker_step() override {
        {
            const std::lock_guard lock{mutex_};
            over_ = true;
            waiting_.clear();
        }
        changed_.notify_all();
        for (auto& one : threads_) one.join();
    }

    void put(flowing<T>&& one) override {
        in_turn(std::move(one), [this](flowing<T>&& next) { take(std::move(next)); });
    }
    void tick(time_point now, bool all) override {
        if (all) wait_until_idle();
        this->next_->tick(now, all);
    }
    bool finish(deadline until) override {
        wait_until_idle();
        return this->next_->finish(until);
    }

private:
    using results = std::vector<std::function<void()>>;

    void take(flowing<T>&& one) {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return unfinished_ < room_; });
        ++unfinished_;
        waiting_.emplace_back(next_number_++, std::move(one));
        changed_.notify_all();
    }
    void finished(std::size_t n) {
        {
            const std::lock_guard lock{mutex_};
            unfinished_ -= n;
        }
        changed_.notify_all();
    }
    void wait_until_idle() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return unfinished_ == 0; });
    }

    void work() {
        for (;;) {
            std::unique_lock lock{mutex_};
            changed_.wait(lock, [&] { return over_ || !waiting_.empty(); });
            if (over_) return;
            auto [number, one] = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            if (!in_order_) {
                this->next_->put(std::move(one));
                finished(1);
                continue;
            }
            results mine;
            held_results = &mine;
            this->next_->put(std::move(one));
            held_results = nullptr;
            finished(hand_on(number, std::move(mine)));
        }
    }

    /// Whoever has the next one hands on all that follow; returns how many.
    std::size_t hand_on(std::uint64_t number, results&& mine) {
        const std::lock_guard lock{order_};
        done_.emplace(number, std::move(mine));
        std::size_t n = 0;
        for (auto first = done_.find(handed_on_); first != done_.end(); first = done_.find(handed_on_)) {
            for (const auto& one : first->second) one();
            done_.erase(first);
            ++handed_on_;
            ++n;
        }
        return n;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::pair<std::uint64_t, flowing<T>>> waiting_;
    const std::size_t room_;  ///< So many are taken at the most, and not handed on.
    const bool in_order_;
    std::uint64_t next_number_ = 0;
    std::size_t unfinished_ = 0;
    bool over_ = false;
    std::mutex order_;
    std::map<std::uint64_t, results> done_;
    std::uint64_t handed_on_ = 0;
    std::vector<std::thread> threads_;
};

}  // namespace leat::detail

#pragma once

#include <leat/deadline.hpp>
#include <leat/status.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leat::detail {

/// One input of a flow, for as long as anything that was made of it is under way. Its end settles it.
class receipt {
public:
    virtual ~receipt() = default;
    receipt(const receipt&) = delete;
    receipt& operator=(const receipt&) = delete;

    /// Something that was made of it was given up on the way: it is not done.
    void drop() noexcept { dropped_ = true; }
    /// Something that was made of it could not be done: it is to come again.
    void fail() noexcept { failed_ = true; }
    /// It never will be: `why` is kept from whoever says so first.
    void reject(const std::string& why) {
        const std::lock_guard held{mutex_};
        if (why_.empty()) why_ = why;
    }

protected:
    receipt() = default;
    [[nodiscard]] bool dropped() const noexcept { return dropped_; }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] const std::string& why_rejected() const noexcept { return why_; }

private:
    std::atomic<bool> dropped_{false}, failed_{false};
    std::mutex mutex_;
    std::string why_;
};

/// What a value was made of: mostly one input, several for a batch, none where the source keeps nothing.
/// Whoever is through with a value says how it went; one that is let go without a word is not done.
class origins {
public:
    origins() = default;
    explicit origins(std::shared_ptr<receipt> one) { all_.push_back(std::move(one)); }
    ~origins() {
        for (const auto& one : all_) one->drop();
    }
    origins(const origins&) = default;
    origins& operator=(const origins&) = delete;
    origins(origins&& other) noexcept : all_(std::exchange(other.all_, {})) {}
    origins& operator=(origins&& other) noexcept {
        std::swap(all_, other.all_);
        return *this;
    }

    [[nodiscard]] bool none() const noexcept { return all_.empty(); }
    void add(origins&& others) {
        auto more = std::exchange(others.all_, {});
        all_.insert(all_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    void done() noexcept { all_.clear(); }
    void fail() noexcept {
        for (const auto& one : all_) one->fail();
        all_.clear();
    }
    void reject(const std::string& why) {
        for (const auto& one : all_) one->reject(why);
        all_.clear();
    }

private:
    std::vector<std::shared_ptr<receipt>> all_;
};

/// A value on its way through a flow.
template <class T>
struct flowing {
    T value;
    origins from = {};
    std::string key = {};
};

/// What the stages of a flow share.
class flow_state {
public:
    std::atomic<std::uint64_t> in{0}, out{0}, failed{0};

    /// A value cannot be handed on, in a handler of what was thrown or not: what it was made of is to come
    /// again. An exception that nobody would hear of otherwise ends the flow.
    void fail(origins& what) {
        ++failed;
        if (what.none() && std::current_exception()) {
            const std::lock_guard held{mutex_};
            if (!failure_) failure_ = std::current_exception();
            broken_ = true;
        }
        what.fail();
    }
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    [[nodiscard]] bool gave_up() const noexcept { return gave_up_; }
    void rethrow() {
        const std::lock_guard held{mutex_};
        if (failure_) std::rethrow_exception(failure_);
    }

    /// From now on what is under way has that much time. Once.
    void end(std::chrono::nanoseconds drain) {
        const std::lock_guard held{mutex_};
        if (!until_) until_.emplace(drain);
    }
    [[nodiscard]] deadline until() {
        const std::lock_guard held{mutex_};
        return until_.value_or(deadline::never());
    }

    /// Calls `send(deadline)` until it is `ok`; false when that has another reason, or the time is over.
    template <class Send>
    bool send(Send one) {
        constexpr std::chrono::milliseconds between_looks{50};  // whether there is an end by now
        for (;;) {
            const auto end = until();
            const auto how = one(deadline{std::min(end.at(), deadline{between_looks}.at())});
            if (how == status::ok) return true;
            if (how == status::timeout && !end.passed()) continue;
            gave_up_ = true;
            return false;
        }
    }

private:
    std::atomic<bool> broken_{false}, gave_up_{false};
    std::mutex mutex_;
    std::exception_ptr failure_;
    std::optional<deadline> until_;
};

/// Results of the input that this thread works on, to be handed on in the inputs' order; null: at once.
inline thread_local std::vector<std::function<void()>>* held_results = nullptr;

/// Hands a value to `take`, in its turn.
template <class T, class Take>
void in_turn(flowing<T>&& one, Take take) {
    if (held_results == nullptr) return take(std::move(one));
    held_results->push_back(
        [take, kept = std::make_shared<flowing<T>>(std::move(one))] { take(std::move(*kept)); });
}

/// Where values go next. `put` may be called by many threads at once.
template <class T>
class step {
public:
    using clock = deadline::clock;

    virtual ~step() = default;
    virtual void put(flowing<T>&& one) = 0;
    /// Hands on what its time has come for; all of it at the end.
    virtual void tick(clock::time_point now, bool all) = 0;
    /// When `tick` is due; max: not.
    [[nodiscard]] virtual clock::time_point due() const { return clock::time_point::max(); }
    /// Waits for what is under way further down; false when some is left at the deadline.
    virtual bool finish(deadline until) = 0;
};

/// A step that takes one value at a time.
template <class T>
class serial_step : public step<T> {
public:
    void put(flowing<T>&& one) final {
        in_turn(std::move(one), [this](flowing<T>&& next) {
            const std::lock_guard lock{mutex_};
            take(std::move(next));
        });
    }

protected:
    virtual void take(flowing<T>&& one) = 0;
    mutable std::mutex mutex_;
};

}  // namespace leat::detail

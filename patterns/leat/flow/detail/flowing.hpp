#pragma once

#include <leat/deadline.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
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

    /// Something that was made of it could not be done now: it is to come again.
    void fail() noexcept { failed_ = true; }
    /// It never will be: `why` is kept from whoever says so first.
    void reject(std::string why) {
        const std::lock_guard held{mutex_};
        if (why_.empty()) why_ = why.empty() ? "rejected" : std::move(why);
    }

protected:
    receipt() = default;
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] const std::string& why_rejected() const noexcept { return why_; }

private:
    std::atomic<bool> failed_{false};
    std::mutex mutex_;
    std::string why_;
};

/// What a value was made of: mostly one input, several for a batch, none where the source keeps nothing.
class origins {
public:
    origins() = default;
    explicit origins(std::shared_ptr<receipt> one) { all_.push_back(std::move(one)); }

    [[nodiscard]] bool none() const noexcept { return all_.empty(); }
    void add(const origins& others) { all_.insert(all_.end(), others.all_.begin(), others.all_.end()); }
    void fail() const noexcept {
        for (const auto& one : all_) one->fail();
    }
    void reject(const std::string& why) const {
        for (const auto& one : all_) one->reject(why);
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
struct flow_state {
    std::atomic<std::uint64_t> in{0}, out{0}, failed{0};
    std::atomic<bool> broken{false};
    std::mutex mutex;
    std::exception_ptr failure;

    /// A function has thrown, or a sink has closed: what it had is to come again, or nobody would notice.
    void fail(const origins& what) {
        ++failed;
        if (!what.none()) return what.fail();
        const std::lock_guard held{mutex};
        if (!failure) failure = std::current_exception();
        broken = true;
    }
};

/// Results of the input that this thread works on, to be handed on in the inputs' order; null: at once.
inline thread_local std::vector<std::function<void()>>* held_results = nullptr;

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

/// A step that is no other's business: it takes one value at a time.
template <class T>
class serial_step : public step<T> {
public:
    void put(flowing<T>&& one) final {
        if (auto* held = held_results; held != nullptr) {
            held->push_back([this, kept = std::make_shared<flowing<T>>(std::move(one))] {
                const std::lock_guard lock{mutex_};
                take(std::move(*kept));
            });
            return;
        }
        const std::lock_guard lock{mutex_};
        take(std::move(one));
    }

protected:
    virtual void take(flowing<T>&& one) = 0;
    mutable std::mutex mutex_;
};

}  // namespace leat::detail

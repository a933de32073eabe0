#pragma once

#include <leat/deadline.hpp>
#include <leat/detail/wait.hpp>
#include <leat/error.hpp>
#include <leat/loop.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace leat::detail {

/// Something that happens once, and that others wait for.
class happening {
public:
    void happened() {
        {
            const std::lock_guard lock{mutex_};
            over_ = true;
        }
        changed_.notify_all();
    }

    /// False at the deadline.
    [[nodiscard]] bool wait(deadline until) {
        std::unique_lock lock{mutex_};
        return detail::wait(changed_, lock, until, [&] { return over_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
};

/// Tells of the end of whatever holds it, run or dropped.
class end_of {
public:
    explicit end_of(std::shared_ptr<happening> what) : what_(std::move(what)) {}
    ~end_of() { what_->happened(); }
    end_of(const end_of&) = delete;
    end_of& operator=(const end_of&) = delete;

private:
    const std::shared_ptr<happening> what_;
};

/// Runs `work` on the loop and waits for it; returns what it returns, or throws the `leat::error` that it
/// throws. A loop that has ended drops it: nothing is returned then.
template <class Work, class Value = std::conditional_t<std::is_void_v<std::invoke_result_t<Work>>,
                                                       std::monostate, std::invoke_result_t<Work>>>
std::optional<Value> run_on(loop& events, Work work) {
    std::optional<Value> out;
    std::optional<std::pair<errc, std::string>> fault;
    const auto over = std::make_shared<happening>();
    events.post([end = std::make_shared<end_of>(over), &work, &out, &fault] {
        try {
            if constexpr (std::is_same_v<Value, std::monostate>) {
                work();
                out.emplace();
            } else {
                out.emplace(work());
            }
        } catch (const error& failure) {
            fault.emplace(failure.kind(), failure.what());
        }
    });
    static_cast<void>(over->wait(deadline::never()));
    if (fault) throw error{fault->first, fault->second};
    return out;
}

}  // namespace leat::detail

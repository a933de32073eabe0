#pragma once

#include <leat/deadline.hpp>
#include <leat/loop.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

namespace leat::command {

/// A second stop token, requested `length` after the first: what is under way by then may use the time to
/// finish.
///
/// Lives no longer than the loop that counts the time; `token` may be used from any thread.
class grace {
public:
    grace(loop& events, std::stop_token stop, std::chrono::milliseconds length)
        : length_(length), on_stop_(std::move(stop), [this, &events] { begin(events); }) {}

    [[nodiscard]] std::stop_token over() const noexcept { return over_->get_token(); }

    /// When the time is over; `length` from now as long as no stop is requested.
    [[nodiscard]] deadline end() const {
        const auto ends = ends_.load();
        return ends == 0 ? deadline{length_} : deadline{clock::time_point{clock::duration{ends}}};
    }

private:
    using clock = deadline::clock;

    void begin(loop& events) {
        ends_ = (clock::now() + length_).time_since_epoch().count();
        events.post([&events, over = over_, length = length_] {
            events.after(length, [over] { over->request_stop(); });
        });
    }

    const std::chrono::milliseconds length_;
    std::atomic<clock::rep> ends_{0};
    std::shared_ptr<std::stop_source> over_ = std::make_shared<std::stop_source>();
    std::stop_callback<std::function<void()>> on_stop_;
};

}  // namespace leat::command

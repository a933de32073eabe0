#include "progress.hpp"

#include "parse.hpp"

#include <cmath>
#include <mutex>

namespace leat::command {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto first = 1s;
constexpr auto interval = 250ms;

std::string clock_time(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::llround(std::min(seconds, 1e9)));
    const auto two = [](std::uint64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    if (whole < 3600) return std::to_string(whole / 60) + ":" + two(whole % 60);
    return std::to_string(whole / 3600) + ":" + two(whole / 60 % 60) + ":" + two(whole % 60);
}

}  // namespace

std::string progress_line(progress_sample now, double rate, std::chrono::duration<double> elapsed) {
    auto text =
        count_of(now.messages) + ", " + format_number(static_cast<std::uint64_t>(std::llround(rate))) + "/s";
    if (now.done > 0 && now.done <= 1)
        text += ", " + clock_time(elapsed.count() * (1 - now.done) / now.done) + " left";
    return text;
}

struct progress::shared {
    std::mutex mutex;
    console* err;  // null once the progress is gone
    source take;
    clock::time_point start = clock::now();
    clock::time_point before = start;
    std::uint64_t messages_before = 0;

    void show() {
        const std::lock_guard lock{mutex};
        if (err == nullptr) return;
        const auto now = clock::now();
        const auto sample = take();
        const auto rate = static_cast<double>(sample.messages - messages_before) /
                          std::chrono::duration<double>(now - before).count();
        before = now;
        messages_before = sample.messages;
        if (now - start >= first) err->show(progress_line(sample, rate, now - start));
    }
};

progress::progress(console& err, loop& events, source take) {
    if (!err.is_terminal()) return;
    state_ = std::make_shared<shared>();
    state_->err = &err;
    state_->take = std::move(take);
    events.post([&events, own = state_] { events.every(interval, [own] { own->show(); }); });
}

progress::~progress() {
    if (!state_) return;
    const std::lock_guard lock{state_->mutex};
    state_->err->show({});
    state_->err = nullptr;
    state_->take = nullptr;
}

}  // namespace leat::command

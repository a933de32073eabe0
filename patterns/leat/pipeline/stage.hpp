#pragma once

#include <leat/error.hpp>
#include <leat/pipeline/puller.hpp>
#include <leat/pipeline/pusher.hpp>

#include <atomic>
#include <concepts>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <ranges>
#include <thread>
#include <type_traits>
#include <vector>

namespace leat {

struct stage_options {
    pull_options in = {};
    push_options out = {};
    unsigned workers = 1;  ///< Threads that call the function, `run`'s caller included. 1-256.
    std::chrono::milliseconds drain{
        1000};  ///< After a stop: how long results may wait for room further down.
};

/// What a stage has done. Messages, but for `undecodable`, which counts frames.
struct stage_report {
    std::uint64_t taken = 0;        ///< Given to the function.
    std::uint64_t sent = 0;         ///< Results that the next socket accepted.
    std::uint64_t failed = 0;       ///< The function threw.
    std::uint64_t undecodable = 0;  ///< Frames, or rests of frames, that are not an `In`.
    std::uint64_t unsent = 0;       ///< Results that found no room before `drain` had passed.
    std::uint64_t unread = 0;       ///< Frames that had arrived and were not taken.
};

/// Takes messages of one type, gives each to a function, and passes on what it returns.
///
/// What the function returns says what it does: an `Out` maps, a `std::optional<Out>` filters, and a range of
/// `Out` (a std::vector<Out>, say) expands to none, one or several. With several workers it is called from as
/// many threads at once, and order is not kept; a worker takes a whole frame at a time, so a batch stays with
/// one.
///
/// At most once, like the sockets that it is made of: what a stage holds when its process dies is lost.
template <class In, class Out>
class stage {
public:
    /// Binds and connects both sides.
    /// @throws leat::error as puller and pusher do, and `bad_option` for `workers`.
    template <class Function>
        requires std::invocable<Function&, In&>
    stage(context& ctx, stage_options options, Function function)
        : workers_(checked(options.workers)),
          drain_(options.drain),
          limits_(options.in.limits),
          in_(ctx, stopped_by(std::move(options.in), ended_.get_token())),
          out_(ctx, std::move(options.out)),
          apply_([f = std::move(function)](In& value, std::vector<Out>& results) mutable {
              append(std::invoke(f, value), results);
          }) {}

    /// Works until `stop` is requested or the context closes; the caller is one of the workers. What was
    /// taken by then is finished and handed on within `drain`; the report says what was not. An exception of
    /// the function stops the stage and comes out here. A stage runs once.
    stage_report run(std::stop_token stop) {
        const std::stop_callback end{stop, [this] { ended_.request_stop(); }};
        std::vector<std::jthread> others;
        for (unsigned i = 1; i < workers_; ++i) others.emplace_back([this] { work(); });
        work();
        others.clear();
        in_.hand_over();
        done_.unread += in_.close();
        out_.hand_over();
        if (out_.flush(drain_) == status::closed) done_.unsent += out_.pending();
        if (failure_) std::rethrow_exception(failure_);
        return done_;
    }

    /// Where the sides are bound, with the ports that the system picked.
    [[nodiscard]] const endpoints& bound_in() const noexcept { return in_.bound(); }
    [[nodiscard]] const endpoints& bound_out() const noexcept { return out_.bound(); }

    [[nodiscard]] status wait_ready(std::size_t pushers, std::size_t pullers, deadline until) const {
        const auto why = in_.wait_ready(pushers, until);
        return why == status::ok ? out_.wait_ready(pullers, until) : why;
    }

private:
    static unsigned checked(unsigned workers) {
        if (workers >= 1 && workers <= 256) return workers;
        throw error{errc::bad_option,
                    "stage: workers is " + std::to_string(workers) + "; allowed are 1 to 256"};
    }

    static pull_options stopped_by(pull_options in, std::stop_token stop) {
        in.stop = std::move(stop);
        return in;
    }

    template <class Result>
    static void append(Result&& result, std::vector<Out>& to) {
        using plain = std::remove_cvref_t<Result>;
        if constexpr (std::convertible_to<Result, Out>) {
            to.push_back(std::forward<Result>(result));
        } else if constexpr (std::same_as<plain, std::optional<Out>>) {
            if (result) to.push_back(std::move(*result));
        } else {
            static_assert(std::ranges::input_range<plain> &&
                              std::convertible_to<std::ranges::range_value_t<plain>, Out>,
                          "a stage's function returns Out, std::optional<Out>, or a range of Out");
            for (auto& one : result) to.push_back(std::move(one));
        }
    }

    // Workers take turns: one waits for a frame while the others work on theirs.
    void work() {
        stage_report mine;
        std::vector<Out> results;
        try {
            for (bytes frame; take(frame);) work_on(frame, results, mine);
        } catch (...) {
            const std::lock_guard lock{report_mutex_};
            if (!failure_) failure_ = std::current_exception();
            ended_.request_stop();
        }
        const std::lock_guard lock{report_mutex_};
        done_.taken += mine.taken;
        done_.sent += mine.sent;
        done_.failed += mine.failed;
        done_.undecodable += mine.undecodable;
        done_.unsent += mine.unsent;
    }

    bool take(bytes& frame) {
        const std::lock_guard lock{in_mutex_};
        in_.hand_over();
        return in_.receive(frame) == status::ok;
    }

    void work_on(bytes& frame, std::vector<Out>& results, stage_report& mine) {
        if constexpr (std::same_as<In, bytes>) {
            apply(frame, results, mine);
        } else {
            decoder<In> objects{frame.view(), limits_};
            In value{};
            bool any = false;
            for (; objects.next(value); any = true) apply(value, results, mine);
            if (!any || objects.error() != decode_error::none) ++mine.undecodable;
        }
    }

    void apply(In& value, std::vector<Out>& results, stage_report& mine) {
        results.clear();
        ++mine.taken;
        try {
            apply_(value, results);
        } catch (...) {
            ++mine.failed;
            throw;
        }
        for (auto& one : results) ++(send(one) ? mine.sent : mine.unsent);
    }

    bool send(Out& one) {
        const std::lock_guard lock{out_mutex_};
        out_.hand_over();
        for (;;) {
            // In slices, to notice a stop: from then on there is `drain` left.
            constexpr std::chrono::milliseconds slice{50};
            const auto why = out_.send(std::move(one), slice);
            if (why == status::ok) return true;
            if (why != status::timeout || (ended_.stop_requested() && drain_end().passed())) return false;
        }
    }

    deadline drain_end() {
        if (!drain_end_) drain_end_ = deadline{drain_};
        return *drain_end_;
    }

    const unsigned workers_;
    const std::chrono::milliseconds drain_;
    const decode_limits limits_;
    std::stop_source ended_;

    std::mutex in_mutex_;
    puller<bytes> in_;

    std::mutex out_mutex_;
    pusher<Out> out_;
    std::optional<deadline> drain_end_;  // guarded by out_mutex_

    std::function<void(In&, std::vector<Out>&)> apply_;
    std::mutex report_mutex_;
    stage_report done_;
    std::exception_ptr failure_;
};

}  // namespace leat

#pragma once

#include <leat/error.hpp>
#include <leat/flow/detail/flow_sinks.hpp>
#include <leat/flow/detail/flow_sources.hpp>
#include <leat/flow/detail/flow_steps.hpp>
#include <leat/pipeline/pusher.hpp>
#include <leat/pubsub/publisher.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace leat {

struct flow_report {
    std::uint64_t in = 0;      ///< Inputs that were taken.
    std::uint64_t out = 0;     ///< What the sinks have: sent, or confirmed by a queue.
    std::uint64_t failed = 0;  ///< Values for which a function threw, or that a sink did not take.
    bool complete = false;     ///< All that was taken was done before the deadline.
};

/// Runs a flow: from its source, through its steps, into its sink. Made by `flow::to`. It refers to its
/// source and sink, which must live as long.
class running_flow {
public:
    /// Works on the calling thread until a stop is requested or the source has ended; then finishes what was
    /// taken, for up to `drain`. Runs once.
    /// @throws what a function threw for an input whose source keeps nothing (a queue has its message back)
    flow_report run(const std::stop_token& stop = {},
                    std::chrono::nanoseconds drain = std::chrono::seconds{5}) {
        return run_(stop, drain);
    }

private:
    template <class Source, class T>
    friend class flow;
    using runner = std::function<flow_report(const std::stop_token&, std::chrono::nanoseconds)>;
    explicit running_flow(runner run) : run_(std::move(run)) {}
    runner run_;
};

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class Function>
concept makes_optional = std::invocable<Function&> && is_optional<std::invoke_result_t<Function&>>;
template <class Function, class T>
concept maps = std::invocable<Function&, T&> && !std::is_void_v<std::invoke_result_t<Function&, T&>>;
template <class Function, class T>
concept chooses = std::predicate<Function&, const T&>;
template <class Function, class T>
concept expands = maps<Function, T> && std::ranges::input_range<std::invoke_result_t<Function&, T&>>;

}  // namespace detail

/// A chain of functions from a source to a sink, in one process:
///
///     leat::from(orders).filter(is_paid).map(to_parcel).workers(4).to(parcels).run(stop);
///
/// From a queue to a queue, or to a function, an input is acked only when everything that was made of it is
/// confirmed or the function has returned; when a function throws it is a retry, and what a queue refuses for
/// good is rejected. So whoever dies, nothing is lost, and something may be done twice: at least once. From
/// other sources a value is lost with the process, as with the source's socket itself.
///
/// Functions are called on the thread of `run`, or on those of `workers`, then by many at once.
template <class Source, class T>
class flow {
public:
    /// Hands on what `f` returns.
    template <detail::maps<T> Function>
    [[nodiscard]] auto map(Function f) && {
        using result = std::remove_cvref_t<std::invoke_result_t<Function&, T&>>;
        return std::move(*this).template then<result>(
            [f = std::move(f)](detail::flowing<T>& one, detail::step<result>& next) mutable {
                next.put({std::invoke(f, one.value), std::move(one.from), std::move(one.key)});
            });
    }

    /// Hands on what `f` says true for; the rest is done.
    template <detail::chooses<T> Function>
    [[nodiscard]] auto filter(Function f) && {
        return std::move(*this).template then<T>(
            [f = std::move(f)](detail::flowing<T>& one, detail::step<T>& next) mutable {
                if (std::invoke(f, std::as_const(one.value))) next.put(std::move(one));
            });
    }

    /// Hands on each element of the range that `f` returns.
    template <detail::expands<T> Function>
    [[nodiscard]] auto expand(Function f) && {
        using results = std::remove_cvref_t<std::invoke_result_t<Function&, T&>>;
        using result = std::ranges::range_value_t<results>;
        return std::move(*this).template then<result>(
            [f = std::move(f)](detail::flowing<T>& one, detail::step<result>& next) mutable {
                for (auto&& each : std::invoke(f, one.value))
                    next.put({std::forward<decltype(each)>(each), one.from, one.key});
            });
    }

    /// Looks at each.
    template <std::invocable<const T&> Function>
    [[nodiscard]] auto tap(Function f) && {
        return std::move(*this).template then<T>(
            [f = std::move(f)](detail::flowing<T>& one, detail::step<T>& next) mutable {
                std::invoke(f, std::as_const(one.value));
                next.put(std::move(one));
            });
    }

    /// The key under which a queue puts it: `f` returns text. Until then it has its input's.
    template <class Function>
        requires std::convertible_to<std::invoke_result_t<Function&, const T&>, std::string>
    [[nodiscard]] auto key_by(Function f) && {
        return std::move(*this).template then<T>(
            [f = std::move(f)](detail::flowing<T>& one, detail::step<T>& next) mutable {
                one.key = std::invoke(f, std::as_const(one.value));
                next.put(std::move(one));
            });
    }

    /// Vectors of `most` values, or fewer once the first has waited for `delay`. All of their inputs are
    /// done, or come again, together.
    [[nodiscard]] auto batch(std::size_t most, std::chrono::nanoseconds delay) && {
        if (most < 1) throw error{errc::bad_option, "flow: batch takes at least 1"};
        return flow<Source, std::vector<T>>{
            std::move(source_), state_,
            [make = std::move(make_), most, delay](std::unique_ptr<detail::step<std::vector<T>>> next) {
                return make(std::make_unique<detail::batch_step<T>>(std::move(next), most, delay));
            }};
    }

    /// Vectors of what came within `length` of the first.
    [[nodiscard]] auto window(std::chrono::nanoseconds length) && {
        return std::move(*this).batch(~std::size_t{0}, length);
    }

    /// What follows runs on `n` threads, 1 to 256; `in_order` keeps the inputs' order behind it.
    [[nodiscard]] auto workers(unsigned n, bool in_order = false) && {
        if (n < 1 || n > 256)
            throw error{errc::bad_option, "flow: workers is " + std::to_string(n) + "; allowed are 1 to 256"};
        return flow{std::move(source_), state_,
                    [make = std::move(make_), n, in_order](std::unique_ptr<detail::step<T>> next) {
                        return make(std::make_unique<detail::worker_step<T>>(std::move(next), n, in_order));
                    }};
    }

    /// Into a queue: done when it is confirmed.
    [[nodiscard]] running_flow to(producer<T>& out) && {
        return std::move(*this).end_at(std::make_unique<detail::queue_sink<T>>(out, state_));
    }

    /// To a pusher: done when its socket has it.
    [[nodiscard]] running_flow to(pusher<T>& out) && {
        return std::move(*this).sent(
            [&out, state = state_](detail::flowing<T>& one) {
                out.hand_over();
                return state->send([&](deadline until) { return out.send(one.value, until); });
            },
            [&out](deadline until) {
                out.hand_over();
                const bool done = out.flush(until) == status::ok;
                out.hand_over();  // back to whose it is
                return done;
            });
    }

    /// To a publisher, under the topic that `topic_of` returns: done when its socket has it.
    template <class Topic>
        requires std::convertible_to<std::invoke_result_t<Topic&, const T&>, std::string>
    [[nodiscard]] running_flow to(publisher<T>& out, Topic topic_of) && {
        return std::move(*this).sent(
            [&out, state = state_, topic_of = std::move(topic_of)](detail::flowing<T>& one) mutable {
                const std::string topic = topic_of(std::as_const(one.value));
                return state->send([&](deadline until) { return out.publish(topic, one.value, until); });
            },
            [&out](deadline until) { return out.flush(until) == status::ok; });
    }

    /// To a function: done when it returns.
    template <std::invocable<T&> Function>
    [[nodiscard]] running_flow to(Function f) && {
        return std::move(*this).sent(
            [f = std::move(f)](detail::flowing<T>& one) mutable {
                std::invoke(f, one.value);
                return true;
            },
            [](deadline) { return true; });
    }

    using maker = std::function<std::unique_ptr<detail::step<Source>>(std::unique_ptr<detail::step<T>>)>;
    flow(std::shared_ptr<detail::flow_source<Source>> source, std::shared_ptr<detail::flow_state> state,
         maker make)
        : source_(std::move(source)), state_(std::move(state)), make_(std::move(make)) {}

private:
    template <class S, class U>
    friend class flow;

    template <class Next, class Apply>
    [[nodiscard]] flow<Source, Next> then(Apply apply) && {
        return {std::move(source_), state_,
                [make = std::move(make_), state = state_,
                 apply = std::move(apply)](std::unique_ptr<detail::step<Next>> next) {
                    return make(
                        std::make_unique<detail::apply_step<T, Next, Apply>>(std::move(next), state, apply));
                }};
    }

    template <class Send>
    [[nodiscard]] running_flow sent(Send send, std::function<bool(deadline)> flush) && {
        return std::move(*this).end_at(
            std::make_unique<detail::send_sink<T, Send>>(std::move(send), std::move(flush), state_));
    }

    [[nodiscard]] running_flow end_at(std::unique_ptr<detail::step<T>> last) && {
        std::shared_ptr<detail::step<Source>> first = make_(std::move(last));
        return running_flow{[source = std::move(source_), state = state_, first = std::move(first)](
                                const std::stop_token& stop, std::chrono::nanoseconds drain) {
            return run(*source, *state, *first, stop, drain);
        }};
    }

    static flow_report run(detail::flow_source<Source>& source, detail::flow_state& state,
                           detail::step<Source>& first, const std::stop_token& stop,
                           std::chrono::nanoseconds drain) {
        using clock = deadline::clock;
        constexpr auto between_looks = std::chrono::milliseconds{50};  // whether it is to stop
        const std::stop_callback on_stop{stop, [&] { state.end(drain); }};
        source.begin();
        bool more = true;
        while (more && !stop.stop_requested() && !state.broken()) {
            detail::flowing<Source> one{};
            const auto how = source.next(one, std::min(first.due(), clock::now() + between_looks));
            if (how == detail::pulled::got) {
                ++state.in;
                first.put(std::move(one));
            }
            more = how != detail::pulled::ended;
            if (first.due() <= clock::now()) first.tick(clock::now(), false);
        }
        state.end(drain);
        source.stop();
        first.tick(clock::now(), true);
        const bool done = first.finish(state.until());
        const bool settled = source.finish(state.until());
        state.rethrow();
        return {state.in, state.out, state.failed, done && settled && !state.gave_up()};
    }

    std::shared_ptr<detail::flow_source<Source>> source_;
    std::shared_ptr<detail::flow_state> state_;
    maker make_;
};

namespace detail {

template <class T>
[[nodiscard]] flow<T, T> begin_flow(std::shared_ptr<flow_source<T>> source) {
    return {std::move(source), std::make_shared<flow_state>(),
            [](std::unique_ptr<step<T>> next) { return next; }};
}

}  // namespace detail

/// A flow of the messages of a queue; the consumer is closed when the flow ends.
template <class T>
[[nodiscard]] flow<T, T> from(consumer<T>& in) {
    return detail::begin_flow<T>(std::make_shared<detail::queue_source<T>>(in));
}
/// Of what pushers send.
template <class T>
[[nodiscard]] flow<T, T> from(puller<T>& in) {
    return detail::begin_flow<T>(std::make_shared<detail::socket_source<T, puller<T>>>(in));
}
/// Of publications.
template <class T>
[[nodiscard]] flow<publication<T>, publication<T>> from(subscriber<T>& in) {
    return detail::begin_flow<publication<T>>(
        std::make_shared<detail::socket_source<publication<T>, subscriber<T>>>(in));
}
/// Of a range, which the flow keeps.
template <std::ranges::input_range Range>
[[nodiscard]] auto from(Range range) {
    using value = std::ranges::range_value_t<Range>;
    auto kept = std::make_shared<Range>(std::move(range));
    return detail::begin_flow<value>(std::make_shared<detail::made_source<value>>(
        [kept, at = std::ranges::begin(*kept)]() mutable -> std::optional<value> {
            if (at == std::ranges::end(*kept)) return {};
            return std::optional<value>{*at++};
        }));
}
/// Of what a function returns, until that is nothing.
template <class Function>
    requires detail::makes_optional<Function>
[[nodiscard]] auto from(Function make) {
    using value = typename std::invoke_result_t<Function&>::value_type;
    return detail::begin_flow<value>(std::make_shared<detail::made_source<value>>(std::move(make)));
}

}  // namespace leat

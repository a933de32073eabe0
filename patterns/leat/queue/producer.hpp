#pragma once

#include <leat/codec.hpp>
#include <leat/error.hpp>
#include <leat/queue/detail/producer_core.hpp>

#include <concepts>
#include <functional>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace leat {

/// A put that the queue has refused, back from where it came.
template <class T>
struct refused {
    T value = {};
    put_options how = {};
    put_refusal why = put_refusal::none;
    std::string text = {};  ///< The queue's words.
};

/// Puts messages into a `leat::queue`, in this process or another one.
///
/// `T` is a type that msgpack knows, or `leat::bytes`. A put is numbered, and sent again after a broken
/// connection until the queue has said what became of it: stored, once, or refused with a reason. So what has
/// its confirm is in the queue, as safe as the queue's durability says; what has not when the process dies
/// may be or not.
///
/// Thread-safe. Puts of one thread are stored in their order. Only `put` (for room in the producer, bounded
/// by `max_unconfirmed` and `max_bytes`), `flush`, `wait_ready`, `close` and the destructor wait. It may
/// outlive its context, and is closed then.
template <class T>
class producer {
public:
    using callback = std::function<void(const put_result&)>;

    /// Does not wait for the queue: puts gather until it is there.
    /// @throws leat::error: `bad_option`, `bad_endpoint`, and what `socket` throws.
    producer(context& ctx, const endpoint& at, producer_options options)
        : core_(ctx, at, std::move(options)) {}
    producer(context& ctx, std::string_view at, producer_options options)
        : producer(ctx, endpoint{at}, std::move(options)) {}

    /// Puts one message. Returns when the producer has it; waits while it is full.
    /// @throws leat::error (`errc::closed`) when the producer or its context is closed
    void put(const T& value, const put_options& how = {}) { must(add(value, how, {}, deadline::never())); }

    /// The same, and `done` is told the verdict, on the context's callback thread. Let go of, and not
    /// called, for a put that has no verdict when the producer ends.
    void put(const T& value, const put_options& how, callback done) {
        must(add(value, how, {.promise = {}, .call = std::move(done)}, deadline::never()));
    }

    /// The same, waiting for room until the deadline. Anything but `ok` means that it was not taken, and
    /// `done` is let go.
    [[nodiscard]] status put(const T& value, const put_options& how, callback done, deadline until) {
        return add(value, how, {.promise = {}, .call = std::move(done)}, until);
    }

    /// The same with a future, which throws leat::error (`errc::closed`) when the producer ends without one.
    [[nodiscard]] std::future<put_result> put_async(const T& value, const put_options& how = {}) {
        auto promise = std::make_shared<std::promise<put_result>>();
        auto result = promise->get_future();
        must(add(value, how, {.promise = std::move(promise), .call = {}}, deadline::never()));
        return result;
    }

    /// Never waits: `timeout` when there is no room. Anything but `ok` means that it was not taken.
    [[nodiscard]] status try_put(const T& value, const put_options& how = {}) {
        return add(value, how, {}, deadline::now());
    }

    /// Sends what has gathered, and waits until all puts have their verdict. Returns how many have none at
    /// the deadline; they are still under way.
    [[nodiscard]] std::size_t flush(deadline until) { return core_.flush(until); }

    /// Puts that were refused since the last call, but those with a callback or a future. The producer keeps
    /// as many as `max_unconfirmed`; then the oldest go.
    [[nodiscard]] std::vector<refused<T>> take_refused() {
        std::vector<refused<T>> all;
        for (auto& one : core_.take_refused()) {
            refused<T> back{{}, std::move(one.how), one.why, std::move(one.text)};
            if constexpr (std::same_as<T, bytes>) {
                back.value = bytes{std::span<const std::byte>{one.body}};
            } else {
                const auto size = one.body.size();  // it is our own: whatever is in it may be
                const decode_limits all_of_it{.elements = size, .string_bytes = size, .binary_bytes = size};
                static_cast<void>(decode(std::span<const std::byte>{one.body}, back.value, all_of_it));
            }
            all.push_back(std::move(back));
        }
        return all;
    }

    /// Puts without a verdict.
    [[nodiscard]] std::size_t unconfirmed() const { return core_.unconfirmed(); }

    /// Waits until the queue has answered. Not needed before a put.
    [[nodiscard]] status wait_ready(deadline until) { return core_.wait_ready(until); }

    [[nodiscard]] session_state state() const { return core_.state(); }

    /// Flushes, and ends it. The destructor does so with `producer_options::linger`, and warns of puts that
    /// have no verdict.
    void close(deadline until) { core_.close(until); }

private:
    [[nodiscard]] status add(const T& value, const put_options& how, detail::put_waiter waiter,
                             deadline until) {
        return core_.add(until, how, std::move(waiter), [&](buffer& open) {
            if constexpr (std::same_as<T, bytes>) {
                open.write(value.text().data(), value.size());
            } else {
                encode(value, open);
            }
        });
    }

    static void must(status how) {
        if (how != status::ok) throw error{errc::closed, "producer: it is closed, or its context is"};
    }

    detail::producer_core core_;
};

}  // namespace leat

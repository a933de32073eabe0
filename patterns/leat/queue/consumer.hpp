#pragma once

#include <leat/codec.hpp>
#include <leat/queue/delivery.hpp>
#include <leat/queue/detail/consumer_core.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

namespace leat {

/// Takes messages from a `leat::queue`, in this process or another one.
///
/// Up to `prefetch` deliveries come ahead into its buffer; what user code takes out is a `delivery`, to be
/// settled. Leases of all of them are renewed for as long as the consumer lives; one that a handler holds for
/// longer than the queue's `max_hold` is given up. A broken connection is made again and the session resumed:
/// what the consumer holds it still holds, unless it was away for longer than the queue's `session_timeout`.
///
/// Thread-safe. Only `next`, the range, `run`, `wait_ready`, `close` and the destructor wait. It may outlive
/// its context, and is stopped then.
template <class T>
class consumer {
public:
    /// Does not wait for the queue.
    /// @throws leat::error: `bad_option`, `bad_endpoint`, and what `socket` throws.
    consumer(context& ctx, const endpoint& at, consumer_options options)
        : core_(ctx, at, std::move(options)) {}
    consumer(context& ctx, std::string_view at, consumer_options options)
        : consumer(ctx, endpoint{at}, std::move(options)) {}

    /// The next delivery: higher priorities first, and first in first out. Nothing at the deadline
    /// (`timeout`), or once it is stopped (`stopped`) or its context is closed (`closed`). A message that is
    /// no `T` is rejected here, with the reason.
    [[nodiscard]] result<delivery<T>> next(deadline until = deadline::never()) {
        for (;;) {
            detail::taken_delivery what;
            if (const auto why = core_.next(what, until); why != status::ok) return why;
            if constexpr (std::same_as<T, bytes>) {
                T value{what.body};
                return delivery<T>{std::move(what), std::move(value)};
            } else {
                T value{};
                const auto fault = decode(what.body, value);
                if (fault == decode_error::none) return delivery<T>{std::move(what), std::move(value)};
                detail::settle(what, outcome::reject, {},
                               "cannot be decoded: " + std::string{to_string(fault)});
            }
        }
    }

    /// `for (auto& d : in) { ...; d.ack(); }`: ends when it is stopped. Each delivery lives for one round.
    class iterator {
    public:
        using value_type = delivery<T>;
        using difference_type = std::ptrdiff_t;

        explicit iterator(consumer* of) : of_(of) { ++*this; }
        delivery<T>& operator*() { return *now_; }
        iterator& operator++() {
            now_.reset();
            if (auto got = of_->next()) now_.emplace(std::move(*got));
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) { return !it.now_; }

    private:
        consumer* of_;
        std::optional<delivery<T>> now_;
    };
    [[nodiscard]] iterator begin() { return iterator{this}; }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// Calls `handler` for each delivery, on `workers` threads, until it is stopped. What the handler has not
    /// settled when it returns or throws is a retry.
    void run(const std::function<void(delivery<T>&)>& handler, std::size_t workers = 1) {
        detail::consumer_core::run_workers(workers, [&] {
            while (auto one = next()) {
                try {
                    handler(*one);
                } catch (...) {  // a retry, as its delivery is destroyed
                }
            }
        });
    }

    /// Hands out nothing any more, and releases what is still in the buffer. What handlers hold stays theirs.
    void stop() { core_.stop(); }

    /// Stops, waits until what handlers hold is settled and the queue has all outcomes, and ends it: the rest
    /// is released. `timeout` when that was not so at the deadline: such messages come again. The destructor
    /// does so with `consumer_options::linger`.
    status close(deadline until) { return core_.close(until); }

    /// Waits until the queue has answered.
    [[nodiscard]] status wait_ready(deadline until) { return core_.wait_ready(until); }

    [[nodiscard]] session_state state() const { return core_.state(); }

    /// How many times user code has settled a delivery that was settled already: a fault of it.
    [[nodiscard]] std::uint64_t settled_twice() const { return core_.settled_twice(); }

private:
    detail::consumer_core core_;
};

}  // namespace leat

#pragma once

#include <leat/codec.hpp>
#include <leat/pubsub/detail/subscribe_channel.hpp>
#include <leat/pubsub/publication.hpp>
#include <leat/pubsub/subscribe_options.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>

namespace leat {

/// Receives what is published to the topics that its patterns stand for, directly or through relays.
///
/// `T` is what the publisher publishes: a type that msgpack knows, or `leat::bytes`. Fields of type
/// std::string_view refer to the message received last and are valid until the next receive. A body that does
/// not decode is counted by reason (`metrics::decode_errors`), and the next one is taken.
///
/// What was lost on the way shows by the next message of the same publisher and topic: `on_gap` is told, and
/// `seen().missed` counts. What is lost before the first message of a topic or after the last one shows
/// nowhere. Messages of plain PUBs have no number: frame 0 is the topic, frame 1, if any, the body.
///
/// Stays where it was made, since decoded views refer to it; for one thread at a time.
template <class T>
class subscriber {
public:
    /// @throws leat::error: `bad_option`, also for a pattern that is none, and what `socket::bind` and
    /// `socket::connect` throw.
    subscriber(context& ctx, subscribe_options options)
        : limits_(options.limits), channel_(ctx, std::move(options)) {}

    subscriber(const subscriber&) = delete;
    subscriber& operator=(const subscriber&) = delete;

    /// Adds a pattern; one that is there already changes nothing. With last values, those come for it too.
    /// @throws leat::error: `bad_option`; `closed`.
    void subscribe(std::string_view pattern) { channel_.subscribe(pattern); }

    /// Takes a pattern away. What has arrived for it and was not received yet is not given any more.
    /// @throws leat::error: `bad_option` when there is no such pattern; `closed`.
    void unsubscribe(std::string_view pattern) { channel_.unsubscribe(pattern); }

    /// Waits until `n` different leat publishers have answered over the way that publications take, through
    /// any number of relays: whatever they publish from then on comes, as far as there is room. Plain PUBs
    /// never answer. What is received meanwhile is kept for the next receive, up to 64 MiB.
    [[nodiscard]] status wait_ready(std::size_t n, deadline until) { return channel_.wait_ready(n, until); }

    /// Receives one message into `out`, waiting until the deadline. Strings and vectors of `out` keep their
    /// room, so one `out` for many messages is the fastest. On anything but `ok`, `out` is of no account.
    [[nodiscard]] status receive(publication<T>& out, deadline until = deadline::never()) {
        for (;;) {
            if (in_body_ && next_object(out)) [[likely]]
                return status::ok;
            if (const auto why = channel_.next(until); why != status::ok) return why;
            begin_body();
        }
    }

    [[nodiscard]] result<publication<T>> receive(deadline until = deadline::never()) {
        result<publication<T>> received{publication<T>{}};
        if (const auto why = receive(*received, until); why != status::ok) return why;
        return received;
    }

    /// `for (auto& one : in)`: each publication in turn, until the stop token is set or the context closes.
    /// It is the subscriber's own and is overwritten by the next one.
    class iterator {
    public:
        using value_type = publication<T>;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(subscriber& from) : from_(&from) { ++*this; }

        publication<T>& operator*() const noexcept { return from_->latest_; }
        publication<T>* operator->() const noexcept { return &from_->latest_; }
        iterator& operator++() {
            if (from_->receive(from_->latest_) != status::ok) from_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
            return at.from_ == nullptr;
        }

    private:
        subscriber* from_ = nullptr;
    };
    [[nodiscard]] iterator begin() { return iterator{*this}; }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// Where it is bound, with the ports that the system picked.
    [[nodiscard]] const endpoints& bound() const noexcept { return channel_.bound(); }

    /// Makes the next thread that uses it the owner. The caller orders the two threads' uses, with a mutex
    /// for instance.
    void hand_over() noexcept { channel_.in().hand_over(); }

    [[nodiscard]] const metrics& counts() const noexcept { return channel_.in().counts(); }
    [[nodiscard]] const subscription_metrics& seen() const noexcept { return channel_.seen(); }
    [[nodiscard]] monitor& peers() const noexcept { return channel_.in().peers(); }

    /// Ends it, as the destructor does. What had arrived and was not received is lost.
    void close() noexcept { channel_.close(); }

private:
    static constexpr bool raw = std::same_as<T, bytes>;

    void begin_body() {
        in_body_ = true;
        given_ = 0;
        if constexpr (!raw) {
            const auto* body = channel_.current().body;
            objects_ = decoder<T>{body == nullptr ? std::span<const std::byte>{} : body->view(), limits_};
            for (T old{}; given_ < channel_.current().skip && objects_.next(old);) ++given_;
        }
    }

    bool next_object(publication<T>& out) {
        const auto& now = channel_.current();
        if constexpr (raw) {
            in_body_ = false;
            // What `out` held goes when the next message comes, as libzmq receives over it.
            if (now.body == nullptr) {
                out.value = {};
            } else {
                swap(out.value, *now.body);
            }
        } else {
            if (!objects_.next(out.value)) {
                in_body_ = false;
                channel_.end_body(objects_.error());
                return false;
            }
            channel_.count_object();
        }
        out.topic.assign(now.topic);
        out.publisher = now.publisher;
        out.sequence = now.sequence == 0 ? 0 : now.sequence + given_++;
        out.last_value = now.last_value;
        return true;
    }

    decode_limits limits_;
    detail::subscribe_channel channel_;
    decoder<std::conditional_t<raw, int, T>> objects_{{}, limits_};
    std::uint64_t given_ = 0;  // objects of the body that were given or skipped
    bool in_body_ = false;
    publication<T> latest_{};
};

}  // namespace leat

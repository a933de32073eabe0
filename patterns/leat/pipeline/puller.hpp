#pragma once

#include <leat/codec.hpp>
#include <leat/pipeline/detail/pull_channel.hpp>
#include <leat/pipeline/pull_options.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <vector>

namespace leat {

/// Receives messages from any number of pushers, fairly: the lower end of a pipeline.
///
/// `T` is what the pusher sends: a type that msgpack knows, or `leat::bytes`. Fields of type std::string_view
/// refer to the frame received last and are valid until the next receive. A frame that does not decode is
/// counted by reason
/// (`metrics::decode_errors`), and the next one is taken. The parts of a plain peer's multipart message count
/// as messages.
///
/// Stays where it was made, since decoded views refer to it; for one thread at a time.
template <class T>
class puller {
public:
    /// @throws leat::error: `bad_option`, and what `socket::bind` and `socket::connect` throw.
    puller(context& ctx, pull_options options) : limits_(options.limits), channel_(ctx, std::move(options)) {}

    puller(const puller&) = delete;
    puller& operator=(const puller&) = delete;

    /// Receives one message into `out`, waiting until the deadline. Strings and vectors of `out` keep their
    /// room, so one `out` for many messages is the fastest. On anything but `ok`, `out` is of no account.
    [[nodiscard]] status receive(T& out, deadline until = deadline::never())
        requires(!std::same_as<T, bytes>)
    {
        for (;;) {
            if (objects_.next(out)) [[likely]] {
                channel_.count_object();
                return status::ok;
            }
            channel_.end_frame(objects_.error());
            objects_ = decoder<T>{{}, limits_};
            if (const auto why = channel_.next_frame(until); why != status::ok) return why;
            objects_ = decoder<T>{channel_.frame().view(), limits_};
        }
    }
    [[nodiscard]] status receive(T& out, deadline until = deadline::never())
        requires std::same_as<T, bytes>
    {
        return channel_.in().receive(out, until);
    }

    [[nodiscard]] result<T> receive(deadline until = deadline::never()) {
        result<T> received{T{}};
        if (const auto why = receive(*received, until); why != status::ok) return why;
        return received;
    }

    /// Waits until the deadline for a first message, and appends it and all that need no waiting to `out`,
    /// `most` in all. Returns how many; with none, `why` says the reason.
    std::size_t receive_many(std::vector<T>& out, std::size_t most, deadline until, status* why = nullptr) {
        std::size_t count = 0;
        for (; count < most; ++count) {
            T value{};
            const auto ended = receive(value, count == 0 ? until : deadline::now());
            if (why != nullptr && count == 0) *why = ended;
            if (ended != status::ok) break;
            out.push_back(std::move(value));
        }
        return count;
    }

    /// `for (auto& message : in)`: each message in turn, until the stop token is set or the context closes.
    /// The value is the puller's own and is overwritten by the next one.
    class iterator {
    public:
        using value_type = T;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(puller& from) : from_(&from) { ++*this; }

        T& operator*() const noexcept { return from_->current_; }
        T* operator->() const noexcept { return &from_->current_; }
        iterator& operator++() {
            if (from_->receive(from_->current_) != status::ok) from_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
            return at.from_ == nullptr;
        }

    private:
        puller* from_ = nullptr;
    };
    [[nodiscard]] iterator begin() { return iterator{*this}; }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// Waits until `peers` pushers (or relays) are connected.
    [[nodiscard]] status wait_ready(std::size_t peers, deadline until) const {
        return channel_.in().wait_connected(peers, until);
    }

    /// Where it is bound, with the ports that the system picked.
    [[nodiscard]] const endpoints& bound() const noexcept { return channel_.bound(); }

    /// Makes the next thread that uses it the owner. The caller orders the two threads' uses, with a mutex
    /// for instance.
    void hand_over() noexcept { channel_.in().hand_over(); }

    [[nodiscard]] const metrics& counts() const noexcept { return channel_.in().counts(); }
    [[nodiscard]] monitor& peers() const noexcept { return channel_.in().peers(); }

    /// Ends it. Messages that had arrived unread are lost; they are counted (`drop_reason::shutdown`; a frame
    /// of which nothing was decoded counts as one) and their number is returned.
    std::uint64_t close() {
        std::uint64_t unread = 0;
        if constexpr (!std::same_as<T, bytes>) {
            for (T rest{}; objects_.next(rest);) ++unread;
        }
        return channel_.close(unread);
    }

private:
    decode_limits limits_;
    detail::pull_channel channel_;
    decoder<std::conditional_t<std::same_as<T, bytes>, int, T>> objects_{{}, limits_};
    T current_{};
};

}  // namespace leat

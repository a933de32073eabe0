#pragma once

#include <leat/error.hpp>
#include <leat/queue/detail/consumer_core.hpp>
#include <leat/queue/queue_types.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace leat {

/// One message in a consumer's hands, for as long as its lease lasts, which the consumer renews.
///
/// Give one outcome: `ack`, `release`, `retry` or `reject`. Each queues it and returns. Destroyed without one
/// (also by an exception) it is a `retry`. Move-only; for one thread at a time, and any. One that outlives
/// its consumer has no effect any more.
///
/// To settle it a second time, or after it was moved from, changes nothing; in a build without NDEBUG it
/// throws leat::error (`errc::settled_twice`). A second time is counted (`consumer::settled_twice`).
template <class T>
class delivery {
public:
    delivery(detail::taken_delivery what, T value) : what_(std::move(what)), value_(std::move(value)) {}
    ~delivery() { drop(); }
    delivery(delivery&& other) noexcept
        : what_(std::exchange(other.what_, {})),
          value_(std::move(other.value_)),
          how_(std::move(other.how_)),
          settled_(other.settled_) {}
    delivery& operator=(delivery&& other) noexcept {
        if (this == &other) return *this;
        drop();
        what_ = std::exchange(other.what_, {});
        value_ = std::move(other.value_);
        how_ = std::move(other.how_);
        settled_ = other.settled_;
        return *this;
    }

    [[nodiscard]] T& operator*() noexcept { return value_; }
    [[nodiscard]] const T& operator*() const noexcept { return value_; }
    [[nodiscard]] T* operator->() noexcept { return &value_; }
    [[nodiscard]] const T* operator->() const noexcept { return &value_; }

    void ack() { settle(outcome::ack); }          ///< Done: the message is gone.
    void release() { settle(outcome::release); }  ///< Not tried: back to its place, no penalty.

    /// Failed for now: an attempt is charged, and it comes again after the queue's back-off, or `delay`.
    void retry(std::optional<std::chrono::nanoseconds> delay = {}) { settle(outcome::retry, delay); }

    /// Will never work: to the dead letters, with `text` (at most 1 KiB is kept).
    void reject(std::string text) { settle(outcome::reject, {}, std::move(text)); }

    /// Says that the handler is alive: `max_hold` counts from now. The lease is renewed without it.
    void extend() const {
        if (open()) detail::extend(what_);
    }

    /// True once it has ended without the handler's doing: the message may be with someone else.
    [[nodiscard]] bool lost() const { return open() && detail::lost(what_); }

    /// How many times handling it has begun and counted as failed, plus 1.
    [[nodiscard]] int attempt() const noexcept { return static_cast<int>(what_.attempts) + 1; }

    /// How many times it was delivered before, since the queue was opened.
    [[nodiscard]] int redelivered() const noexcept { return static_cast<int>(what_.deliveries); }

    [[nodiscard]] delivery_fence fence() const noexcept { return {what_.opening, what_.d}; }
    [[nodiscard]] message_origin origin() const noexcept { return what_.origin; }

    [[nodiscard]] const std::string& key() const { return attributes().key; }
    [[nodiscard]] const std::string& id() const { return attributes().id; }
    [[nodiscard]] int priority() const { return attributes().priority; }
    [[nodiscard]] const std::map<std::string, std::string>& headers() const { return attributes().headers; }

private:
    [[nodiscard]] bool open() const noexcept { return what_.link && !settled_; }
    void settle(outcome what, std::optional<std::chrono::nanoseconds> delay = {}, std::string text = {}) {
        if (!open()) {
            if (what_.link) detail::settled_twice(what_);
#ifndef NDEBUG
            throw error{errc::settled_twice, "delivery: it was settled already, or moved from"};
#endif
            return;
        }
        settled_ = true;
        detail::settle(what_, what, delay, std::move(text));
    }
    void drop() noexcept {
        if (open()) settle(outcome::retry);
    }
    [[nodiscard]] const put_options& attributes() const {
        if (!how_) how_ = std::make_unique<put_options>(detail::attributes_of(what_));
        return *how_;
    }

    detail::taken_delivery what_;
    T value_;
    mutable std::unique_ptr<put_options> how_;
    bool settled_ = false;
};

}  // namespace leat

#pragma once

#include <leat/flow/detail/flowing.hpp>
#include <leat/pipeline/puller.hpp>
#include <leat/pubsub/subscriber.hpp>
#include <leat/queue/consumer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace leat::detail {

enum class pulled : std::uint8_t { got, nothing, ended };

/// Where values come from. For one thread.
template <class T>
class flow_source {
public:
    virtual ~flow_source() = default;
    /// On the thread that calls `next` from then on.
    virtual void begin() {}
    virtual pulled next(flowing<T>& into, deadline until) = 0;
    /// Nothing more is to be taken.
    virtual void stop() {}
    /// All that was taken has been settled, as far as there was time: tells where it came from.
    virtual bool finish(deadline) { return true; }
};

inline pulled as_pulled(status how) noexcept {
    if (how == status::ok) return pulled::got;
    return how == status::timeout ? pulled::nothing : pulled::ended;
}

/// A message of a queue: acked when all that was made of it is done, else retried, rejected or released.
template <class T>
class delivery_receipt final : public receipt {
public:
    explicit delivery_receipt(delivery<T>&& one) : one_(std::move(one)) {}
    ~delivery_receipt() override {
        if (!why_rejected().empty()) {
            one_.reject(why_rejected());
        } else if (failed()) {
            one_.retry();
        } else if (dropped()) {
            one_.release();
        } else {
            one_.ack();
        }
    }

private:
    delivery<T> one_;
};

template <class T>
class queue_source final : public flow_source<T> {
public:
    explicit queue_source(consumer<T>& in) : in_(in) {}
    pulled next(flowing<T>& into, deadline until) override {
        auto got = in_.next(until);
        if (!got) return as_pulled(got.why());
        into.key = got->key();
        into.value = std::move(**got);
        into.from = origins{std::make_shared<delivery_receipt<T>>(std::move(*got))};
        return pulled::got;
    }
    void stop() override { in_.stop(); }
    bool finish(deadline until) override { return in_.close(until) == status::ok; }

private:
    consumer<T>& in_;
};

/// A puller or subscriber, which belongs to the flow's thread while it runs.
template <class T, class In>
class socket_source final : public flow_source<T> {
public:
    explicit socket_source(In& in) : in_(in) {}
    void begin() override { in_.hand_over(); }
    pulled next(flowing<T>& into, deadline until) override {
        return as_pulled(in_.receive(into.value, until));
    }
    bool finish(deadline) override {
        in_.hand_over();
        return true;
    }

private:
    In& in_;
};

/// A range, or a function that returns nothing at the end.
template <class T>
class made_source final : public flow_source<T> {
public:
    explicit made_source(std::function<std::optional<T>()> make) : make_(std::move(make)) {}
    pulled next(flowing<T>& into, deadline) override {
        auto one = make_();
        if (!one) return pulled::ended;
        into.value = std::move(*one);
        return pulled::got;
    }

private:
    std::function<std::optional<T>()> make_;
};

}  // namespace leat::detail

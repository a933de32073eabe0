#pragma once

#include <leat/flow/detail/flowing.hpp>
#include <leat/pipeline/pusher.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/queue/producer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace leat::detail {

/// Puts into a queue: the input is done when the queue has confirmed.
template <class T>
class queue_sink final : public step<T> {
public:
    queue_sink(producer<T>& out, std::shared_ptr<flow_state> state) : out_(out), state_(std::move(state)) {}
    void put(flowing<T>&& one) override {
        if (auto* held = held_results; held != nullptr) {
            held->push_back(
                [this, kept = std::make_shared<flowing<T>>(std::move(one))] { take(std::move(*kept)); });
        } else {
            take(std::move(one));
        }
    }
    void tick(typename step<T>::clock::time_point, bool) override {}
    bool finish(deadline until) override { return out_.flush(until) == 0; }

private:
    void take(flowing<T>&& one) {
        put_options how;
        how.key = one.key;
        try {
            out_.put(one.value, how, [from = one.from, state = state_](const put_result& r) mutable {
                if (r.what != verdict::refused) {
                    ++state->out;
                } else if (kind_of(r.why) == refusal_kind::final) {
                    from.reject("refused by the next queue: " + std::string{to_string(r.why)});
                } else {
                    from.fail();
                }
                from = {};  // settled here, not where the callback is dropped
            });
        } catch (...) {  // it is closed
            state_->fail(one.from);
        }
    }

    producer<T>& out_;
    std::shared_ptr<flow_state> state_;
};

/// Sends with `send(value, deadline)`, waiting for room until the flow is to end.
template <class T, class Send>
class send_sink final : public serial_step<T> {
public:
    send_sink(Send send, std::function<bool(deadline)> flush, std::shared_ptr<flow_state> state)
        : send_(std::move(send)), flush_(std::move(flush)), state_(std::move(state)) {}
    void tick(typename step<T>::clock::time_point, bool) override {}
    bool finish(deadline until) override { return flush_(until); }

private:
    void take(flowing<T>&& one) override {
        try {
            if (send_(one)) {
                ++state_->out;
                return;
            }
        } catch (...) {
            return state_->fail(one.from);
        }
        one.from.fail();
        ++state_->failed;
    }

    Send send_;
    std::function<bool(deadline)> flush_;
    std::shared_ptr<flow_state> state_;
};

}  // namespace leat::detail

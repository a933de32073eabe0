#pragma once

#include <leat/flow/detail/flowing.hpp>
#include <leat/queue/producer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace leat::detail {

/// Puts into a queue: what it was made of is done when the queue has confirmed.
template <class T>
class queue_sink final : public step<T> {
public:
    queue_sink(producer<T>& out, std::shared_ptr<flow_state> state) : out_(out), state_(std::move(state)) {}
    void put(flowing<T>&& one) override {
        in_turn(std::move(one), [this](flowing<T>&& next) { take(std::move(next)); });
    }
    void tick(typename step<T>::clock::time_point, bool) override {}
    bool finish(deadline until) override { return out_.flush(until) == 0; }

private:
    void take(flowing<T>&& one) {
        put_options how;
        how.key = std::move(one.key);
        // A producer that ends without a verdict lets go of its callback, and so of this: not done.
        const auto from = std::make_shared<origins>(std::move(one.from));
        try {
            const auto put = [&](deadline until) {
                return out_.put(
                    one.value, how,
                    [from, state = state_](const put_result& r) { decided(*from, *state, r); }, until);
            };
            if (!state_->send(put)) ++state_->failed;
        } catch (...) {
            state_->fail(*from);
        }
    }
    static void decided(origins& from, flow_state& state, const put_result& r) {
        if (r.what != verdict::refused) {
            ++state.out;
            return from.done();
        }
        ++state.failed;
        if (kind_of(r.why) == refusal_kind::final) {
            from.reject("refused by the next queue: " + std::string{to_string(r.why)});
        } else {
            from.fail();
        }
    }

    producer<T>& out_;
    std::shared_ptr<flow_state> state_;
};

/// Hands each value to `send`, which says whether it is gone.
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
                one.from.done();
            } else {
                ++state_->failed;  // and let go: not done
            }
        } catch (...) {
            state_->fail(one.from);
        }
    }

    Send send_;
    std::function<bool(deadline)> flush_;
    std::shared_ptr<flow_state> state_;
};

}  // namespace leat::detail

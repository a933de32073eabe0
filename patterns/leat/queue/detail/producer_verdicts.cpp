// What the queue has said of puts.

#include <leat/queue/detail/producer_link.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/head.hpp>

#include <algorithm>
#include <iterator>

namespace leat::detail {
namespace {

constexpr auto no_verdict = ~std::uint64_t{0};  // as the seq of a result: the producer has ended

}  // namespace

/// U2: what was decided while the connection was gone. A queue that does not know us gets all again.
bool producer_link::take_welcome(const wire::welcome& frame) {
    if (!frame.known || frame.decided <= decided_) return true;
    if (frame.decided > last_) return false;
    for (const auto& one : frame.not_stored) {
        if (one.last < one.first || one.last > frame.decided) return false;
        if (one.last <= decided_) continue;
        const auto first = std::max(one.first, decided_ + 1);
        if (first > decided_ + 1 && !decide(decided_ + 1, first - 1, verdict::stored, put_refusal::none, {}))
            return false;
        if (!decide(first, one.last, verdict::refused, static_cast<put_refusal>(one.reason), one.text))
            return false;
    }
    return frame.decided == decided_ ||
           decide(decided_ + 1, frame.decided, verdict::stored, put_refusal::none, {});
}

/// Two ascending lists; together they are one.
bool producer_link::take_confirm() {
    auto stored = confirm_.stored.begin();
    auto same = confirm_.duplicate.begin();
    std::size_t at = 0;
    while (stored != confirm_.stored.end() || same != confirm_.duplicate.end()) {
        const bool new_one = same == confirm_.duplicate.end() ||
                             (stored != confirm_.stored.end() && stored->first < same->first);
        const auto seq = new_one && at < confirm_.sequences.size() ? confirm_.sequences[at] : 0;
        if (new_one) ++at;
        const auto& one = new_one ? *stored++ : *same++;
        if (!decide(one.first, one.last, new_one ? verdict::stored : verdict::duplicate, put_refusal::none,
                    {}, seq))
            return false;
    }
    return true;
}

bool producer_link::received(wire::command what, std::span<const std::byte> header, message&) {
    if (what == wire::command::grant) {
        wire::grant frame;
        if (!wire::read(header, frame)) return false;
        granted_ = std::max(granted_, frame.bytes);
        if (frame.window > 0) window_ = frame.window;
    } else if (what == wire::command::confirm) {
        if (!wire::read(header, confirm_) || !take_confirm()) return false;
    } else if (what == wire::command::refuse) {
        if (!wire::read(header, refuse_)) return false;
        for (const auto& one : refuse_.puts) {
            if (!decide(one.first, one.last, verdict::refused, static_cast<put_refusal>(one.reason),
                        one.text))
                return false;
        }
    } else {
        return true;  // of a later version
    }
    pump();
    return true;
}

/// Takes the verdict of a range. False when it is not what comes next.
bool producer_link::decide(std::uint64_t first, std::uint64_t last, verdict what, put_refusal why,
                           const std::string& text, std::uint64_t seq) {
    if (last <= decided_) return true;
    if (seq != 0) seq += std::max(first, decided_ + 1) - first;
    first = std::max(first, decided_ + 1);
    if (first != decided_ + 1 || last > last_) return false;
    while (decided_ < last) {
        if (batches_.empty()) return false;  // it names what was not sent
        auto& batch = *batches_.front();
        const auto from = static_cast<std::uint32_t>(decided_ + 1 - batch.first);
        const auto to = static_cast<std::uint32_t>(std::min(last, batch.last()) - batch.first);
        if (what == verdict::refused) {
            for (auto& one : batch.take(from, to)) refuse(std::move(one), why, text);
        } else {
            for (auto& [index, waiter] : batch.waiters) {
                if (index < from || index > to) continue;
                tell(waiter, {what, put_refusal::none, seq == 0 ? 0 : seq + (index - from)});
            }
        }
        if (seq != 0) seq += to - from + 1;
        decided_ = batch.first + to;
        if (decided_ < batch.last()) break;
        bytes_ -= batch.bytes();
        batch.clear();
        if (spare_.size() < 8) spare_.push_back(std::move(batches_.front()));
        batches_.pop_front();
        if (unsent_ > 0) --unsent_;
    }
    if ((waiting_for_room_ > 0 && has_room()) || (flushing_ > 0 && undecided() == 0)) tell_all();
    return true;
}

/// W4: back to the caller, or kept to be put again.
void producer_link::refuse(again_put&& one, put_refusal why, const std::string& text) {
    const auto kind = kind_of(why);
    if (kind == refusal_kind::later || (options_.in_order && kind == refusal_kind::now)) {
        again_.push_back(std::move(one));
        return;
    }
    if (one.waiter.any()) return tell(one.waiter, {verdict::refused, why, 0});
    if (refused_.size() >= options_.max_unconfirmed) refused_.pop_front();
    refused_.push_back({std::move(one.body), read_attributes(one.head), why, text});
}

void producer_link::tell(put_waiter& waiter, put_result result) {
    --waiters_;
    ready_.emplace_back(std::move(waiter), result);
}

void producer_link::ended() {
    const auto give_up = [&](put_waiter& waiter) {
        if (waiter.any()) ready_.emplace_back(std::move(waiter), put_result{.seq = no_verdict});
    };
    for (auto& batch : batches_) {
        for (auto& [index, waiter] : batch->waiters) give_up(waiter);
    }
    for (auto& [index, waiter] : open_->waiters) give_up(waiter);
    for (auto& one : again_) give_up(one.waiter);
}

void producer_link::run_ready() {
    // Both are let go of after the mutex: the one's end waits for callbacks, and the other has user code.
    const auto runner = callbacks_.lock();
    decltype(ready_) all;
    const std::lock_guard held{mutex_};  // which keeps them in order (I13)
    all.swap(ready_);
    for (auto& [waiter, result] : all) {
        if (waiter.promise && result.seq == no_verdict) {
            waiter.promise->set_exception(std::make_exception_ptr(
                error{errc::closed, "producer: it was closed before this put had its verdict"}));
        } else if (waiter.promise) {
            waiter.promise->set_value(result);
        } else if (runner && result.seq != no_verdict) {  // else its function is let go, with `all`
            runner->post([call = std::move(waiter.call), result = result] { call(result); });
        }
    }
}

std::vector<refused_put> producer_link::take_refused() {
    lock held{mutex_};
    read_what_came();
    auto all = std::exchange(refused_, {});
    leave(held);
    return {std::make_move_iterator(all.begin()), std::make_move_iterator(all.end())};
}

}  // namespace leat::detail

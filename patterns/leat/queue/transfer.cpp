#include <leat/queue/transfer.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/consumer_core.hpp>
#include <leat/queue/detail/producer_core.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace leat {
namespace {

using namespace std::chrono_literals;
using detail::taken_delivery;

constexpr auto between_looks = 250ms;  // whether it is to stop, while it waits for something else

consumer_options taking(const transfer_options& o) {
    consumer_options made;
    made.queue = o.from.queue;
    made.prefetch = o.prefetch;
    made.prefetch_bytes = o.prefetch_bytes;
    made.pure = true;
    made.socket = o.socket;
    return made;
}

producer_options putting(const transfer_options& o) {
    producer_options made;
    made.queue = o.to.queue;
    made.max_unconfirmed = o.prefetch;
    made.max_bytes = 2 * o.prefetch_bytes;
    made.in_order = true;
    made.stage = o.name;
    made.linger = 0ms;
    made.socket = o.socket;
    return made;
}

/// C3
put_options onward(const taken_delivery& what) {
    if (what.head.empty()) return {.hops = 1};
    auto how = detail::attributes_of(what);
    how.delay.reset();
    how.at.reset();
    how.ttl.reset();
    if (what.ttl_left) how.ttl = std::chrono::milliseconds{*what.ttl_left};
    ++how.hops;
    return how;
}

}  // namespace

void transfer_options::check() const {
    const auto refuse = [](const std::string& text) {
        throw error{errc::bad_option, "transfer option " + text};
    };
    if (name.empty() || name.size() > 255) refuse("name has to be 1 to 255 bytes");
    if (from.at == to.at && from.queue == to.queue) refuse("to: it is the queue that `from` is");
    if (prefetch < 1 || prefetch > 1'000'000) refuse("prefetch: allowed are 1 to 1000000");
    if (prefetch_bytes < 1) refuse("prefetch_bytes has to be at least 1");
}

class transfer::work {
public:
    work(context& ctx, const transfer_options& options)
        : options_((options.check(), options)),
          warn_(ctx.warner()),
          out_(ctx, endpoint{options.to.at}, putting(options)),
          in_(ctx, endpoint{options.from.at}, taking(options)),
          tally_(std::make_shared<tally>()),
          thread_([this] { run(); }) {}

    status wait_ready(deadline until) {
        if (const auto how = in_.wait_ready(until); how != status::ok) return how;
        if (const auto how = out_.wait_ready(until); how != status::ok) return how;
        if (const auto why = why_not(); !why.empty()) throw error{errc::bad_option, why};
        return status::ok;
    }

    [[nodiscard]] transfer_counts counts() const {
        transfer_counts now;
        now.repeated = tally_->repeated;
        now.moved = tally_->moved;
        now.rejected = tally_->rejected;
        now.under_way = tally_->taken - std::min<std::uint64_t>(tally_->taken, now.moved + now.rejected);
        return now;
    }

    [[nodiscard]] std::chrono::milliseconds linger() const noexcept { return options_.linger; }

    status close(deadline until) {
        {
            const std::lock_guard held{mutex_};
            if (std::exchange(closed_, true)) return status::closed;
        }
        stop_.notify_all();
        in_.stop();
        thread_.join();
        const auto left = out_.flush(until);
        out_.close(deadline::now());
        const auto how = in_.close(left == 0 ? until : deadline::now());
        return left == 0 ? how : status::timeout;
    }

private:
    /// What verdicts have told. Outlives it for those that come late.
    struct tally {
        std::atomic<std::uint64_t> taken{0}, moved{0}, repeated{0}, rejected{0};
    };

    /// C4. Empty while either has not answered.
    [[nodiscard]] std::string why_not() const {
        const auto has = in_.promise(), gets = out_.promise();
        if (options_.weaker_ok || !has || !gets || *gets <= *has) return {};
        return "transfer " + options_.name + ": " + options_.to.queue + " at " + options_.to.at +
               " promises " + std::string{to_string(*gets)} + ", " + options_.from.queue + " at " +
               options_.from.at + " " + std::string{to_string(*has)} + "; say weaker_ok if that will do";
    }

    [[nodiscard]] bool closed() const {
        const std::lock_guard held{mutex_};
        return closed_;
    }

    void pause() {
        std::unique_lock held{mutex_};
        stop_.wait_for(held, between_looks, [&] { return closed_; });
    }

    void run() {
        bool warned = false;
        while (!closed()) {
            if (!out_.promise()) {  // what it will be worth is not known yet
                if (out_.wait_ready(between_looks) == status::closed) return;
                continue;
            }
            if (const auto why = why_not(); !why.empty()) {
                if (!std::exchange(warned, true)) warn_(why);
                pause();
                continue;
            }
            taken_delivery what;
            if (in_.next(what, deadline::never()) != status::ok || !move(std::move(what))) return;
        }
    }

    /// False when it has ended before the producer had room.
    bool move(taken_delivery what) {
        ++tally_->taken;
        const auto how = onward(what);
        const detail::put_mark mark{what.origin, in_.floor()};
        const auto body = what.body;
        for (;;) {
            // The verdict comes on the callback thread, and may do so before `add` returns.
            const auto result = out_.add(
                between_looks, how,
                {.promise = {},
                 .call = [what, tally = tally_](const put_result& r) { decided(what, r, *tally); }},
                [&](buffer& open) { open.write(reinterpret_cast<const char*>(body.data()), body.size()); },
                &mark);
            if (result == status::ok) return true;
            if (result == status::timeout && !closed()) continue;
            settle(what, outcome::release);
            --tally_->taken;
            return false;
        }
    }

    static void decided(const taken_delivery& what, const put_result& result, tally& to) {
        if (result.what == verdict::refused) {  // for good: the producer keeps the rest (W4)
            settle(what, outcome::reject, {},
                   "refused by the next queue: " + std::string{to_string(result.why)});
            ++to.rejected;
            return;
        }
        settle(what, outcome::ack);
        if (result.what == verdict::duplicate) ++to.repeated;
        ++to.moved;
    }

    const transfer_options options_;
    const std::function<void(const std::string&)> warn_;
    detail::producer_core out_;
    detail::consumer_core in_;
    const std::shared_ptr<tally> tally_;
    mutable std::mutex mutex_;
    std::condition_variable stop_;
    bool closed_ = false;
    std::thread thread_;
};

transfer::transfer(context& ctx, transfer_options options) : work_(std::make_unique<work>(ctx, options)) {}
transfer::transfer(transfer&&) noexcept = default;
transfer& transfer::operator=(transfer&& other) noexcept {
    if (work_) work_->close(work_->linger());
    work_ = std::move(other.work_);
    return *this;
}
transfer::~transfer() {
    if (work_) work_->close(work_->linger());
}

status transfer::wait_ready(deadline until) {
    return work_->wait_ready(until);
}
transfer_counts transfer::counts() const {
    return work_->counts();
}
status transfer::close(deadline until) {
    return work_->close(until);
}

}  // namespace leat

#include <leat/queue/detail/producer_link.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/head.hpp>

#include <algorithm>
#include <cstring>

namespace leat {

void producer_options::check() const {
    const auto refuse = [](const std::string& text) {
        throw error{errc::bad_option, "producer option " + text};
    };
    if (queue.empty() || queue.size() > 255) refuse("queue has to be 1 to 255 bytes");
    if (max_unconfirmed < 1 || max_unconfirmed > 10'000'000)
        refuse("max_unconfirmed: allowed are 1 to 10000000");
    if (max_bytes < 1) refuse("max_bytes has to be at least 1");
    if (batch_messages < 1 || batch_messages > 65'536) refuse("batch_messages: allowed are 1 to 65536");
    if (batch_bytes < 1 || batch_bytes > (16u << 20)) refuse("batch_bytes: allowed are 1 to 16 MiB");
}

}  // namespace leat

namespace leat::detail {

namespace {

constexpr auto no_verdict = ~std::uint64_t{0};  // as the seq of a result: the producer has ended

}  // namespace

void put_batch::clear() {
    first = 0;
    open.clear();
    body = message{};
    frame.sizes.clear();
    frame.special.clear();
    specials.clear();
    heads.clear();
    waiters.clear();
}

producer_link::producer_link(context& ctx, const endpoint& at, producer_options options)
    : client_link(ctx, {at, (options.check(), options.queue), wire::role::producer, options.socket}),
      options_(std::move(options)),
      callbacks_(ctx.attached<callback_runner>()) {}

bool producer_link::full() const noexcept {
    return last_ - decided_ + again_.size() >= options_.max_unconfirmed || bytes_ >= options_.max_bytes;
}

leat::status producer_link::wait_for_room(lock& held, deadline until) {
    if (closed_) return leat::status::closed;
    if (!full()) return leat::status::ok;
    if (until.is_now()) return leat::status::timeout;
    pump();
    if (full() && !closed_) {
        ++waiting_for_room_;
        const auto over = [&] { return closed_ || !full(); };
        if (until.is_never()) {
            changed_.wait(held, over);
        } else {
            changed_.wait_until(held, clock::now() + until.left(), over);
        }
        --waiting_for_room_;
    }
    if (closed_) return leat::status::closed;
    return full() ? leat::status::timeout : leat::status::ok;
}

buffer& producer_link::open_batch() {
    return open_->open;
}

void producer_link::added(lock& held, std::size_t before, const put_options& how, put_waiter waiter) {
    auto& batch = *open_;
    const auto size = batch.open.size() - before;
    if (batch.frame.sizes.empty()) batch.first = last_ + 1;
    const auto index = static_cast<std::uint32_t>(batch.frame.sizes.size());
    batch.frame.sizes.push_back(static_cast<std::uint32_t>(size));
    ++last_;
    bytes_ += size;
    if (!is_plain(how)) {
        const auto begin = batch.heads.size();
        write_attributes(how, batch.heads);
        batch.specials.push_back(
            {index, begin, batch.heads.size() - begin, clock::now(), how.ttl.has_value()});
        bytes_ += batch.heads.size() - begin;
    }
    if (waiter.any()) batch.waiters.emplace_back(index, std::move(waiter));
    pump();
    leave(held);
}

/// Closes the open batch. A block that is mostly empty is copied, so that what waits takes its own size.
void producer_link::seal() {
    auto& batch = *open_;
    const auto size = batch.open.size();
    if (size < batch.open.capacity() / 2) {
        batch.body = message{batch.open.view()};
        batch.open.clear();
    } else {
        batch.body = message::adopt(batch.open.release(), size);
    }
    auto room = batch.body.size() <= batch.open.capacity() ? std::move(batch.open) : buffer{};
    batches_.push_back(std::move(open_));
    if (spare_.empty()) {
        open_ = std::make_unique<put_batch>();
    } else {
        open_ = std::move(spare_.back());
        spare_.pop_back();
    }
    if (room.capacity() > 0) open_->open = std::move(room);
}

/// Sends what may be sent: at once when little is under way, else when a frame is full.
void producer_link::pump() {
    const auto& sizes = open_->frame.sizes;
    const bool enough = sizes.size() >= options_.batch_messages || open_->open.size() >= options_.batch_bytes;
    if (enough) seal();
    while (unsent_ < batches_.size() && may_send()) {
        if (!send_batch(*batches_[unsent_])) return;
    }
    const bool now = flushing_ > 0 || unsent_ < frames_before_gathering;
    if (!open_->frame.sizes.empty() && now && unsent_ == batches_.size() && may_send()) {
        seal();
        send_batch(*batches_.back());
    }
}

bool producer_link::send_batch(put_batch& batch) {
    auto& frame = batch.frame;
    frame.first = batch.first;
    frame.floor = std::min(decided_ + 1, batch.first);
    frame.special.clear();
    for (const auto& one : batch.specials) {
        wire::put_special special;
        special.index = one.index;
        special.head = {reinterpret_cast<const char*>(batch.heads.view().data() + one.begin),
                        static_cast<std::uint32_t>(one.size)};
        if (one.ttl)
            special.waited = ms_of(std::chrono::floor<std::chrono::milliseconds>(clock::now() - one.put_at));
        frame.special.push_back(special);
    }
    ++unsent_;  // before: a send that fails ends the session, and all is unsent again
    const auto bytes = send(frame, &batch.body);
    sent_ += bytes;
    return bytes > 0;
}

void producer_link::greet(wire::hello& frame) {
    frame.floor = decided_ + 1;
}

bool producer_link::welcomed(const wire::welcome& frame) {
    sent_ = 0;
    unsent_ = 0;
    granted_ = frame.bytes;
    // U2: what was decided while the connection was gone. Without memory of us all is sent again.
    if (frame.known && frame.decided > decided_) {
        if (frame.decided > last_) return false;
        for (const auto& one : frame.not_stored) {
            if (one.last < one.first || one.last > frame.decided) return false;
            if (one.last <= decided_) continue;
            const auto first = std::max(one.first, decided_ + 1);
            if (first > decided_ + 1 &&
                !decide(decided_ + 1, first - 1, verdict::stored, put_refusal::none, {}))
                return false;
            if (!decide(first, one.last, verdict::refused, static_cast<put_refusal>(one.reason), one.text))
                return false;
        }
        if (frame.decided > decided_ &&
            !decide(decided_ + 1, frame.decided, verdict::stored, put_refusal::none, {}))
            return false;
    }
    pump();
    return true;
}

void producer_link::session_ended() {
    unsent_ = 0;
    granted_ = sent_ = 0;
}

bool producer_link::received(wire::command what, std::span<const std::byte> header, message&) {
    if (what == wire::command::grant) {
        wire::grant frame;
        if (!wire::read(header, frame)) return false;
        granted_ = std::max(granted_, frame.bytes);
    } else if (what == wire::command::confirm) {
        if (!wire::read(header, confirm_)) return false;
        // Two ascending lists; together they are one.
        auto stored = confirm_.stored.begin();
        auto same = confirm_.duplicate.begin();
        while (stored != confirm_.stored.end() || same != confirm_.duplicate.end()) {
            const bool new_one = same == confirm_.duplicate.end() ||
                                 (stored != confirm_.stored.end() && stored->first < same->first);
            const auto& one = new_one ? *stored++ : *same++;
            if (!decide(one.first, one.last, new_one ? verdict::stored : verdict::duplicate,
                        put_refusal::none, {}))
                return false;
        }
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
                           const std::string& text) {
    if (last <= decided_) return true;
    first = std::max(first, decided_ + 1);
    if (first != decided_ + 1 || last > last_) return false;
    while (decided_ < last) {
        if (batches_.empty()) return false;  // it names what was not sent
        auto& batch = *batches_.front();
        const auto from = static_cast<std::uint32_t>(decided_ + 1 - batch.first);
        const auto to = static_cast<std::uint32_t>(std::min(last, batch.last()) - batch.first);
        if (what == verdict::refused) {
            for (auto i = from; i <= to; ++i) {
                put_waiter* waiter = nullptr;
                for (auto& [index, w] : batch.waiters) {
                    if (index == i) waiter = &w;
                }
                refuse(batch, i, waiter, why, text);
            }
        } else if (!batch.waiters.empty()) {
            for (auto& [index, waiter] : batch.waiters) {
                if (index >= from && index <= to) tell(waiter, {what, put_refusal::none, 0});
            }
        }
        decided_ = batch.first + to;
        if (decided_ < batch.last()) break;
        bytes_ -= batch.body.size() + batch.heads.size();
        batch.clear();
        if (spare_.size() < 8) spare_.push_back(std::move(batches_.front()));
        batches_.pop_front();
        if (unsent_ > 0) --unsent_;
    }
    const bool room =
        last_ - decided_ <= options_.max_unconfirmed / 4 * 3 && bytes_ <= options_.max_bytes / 4 * 3;
    if ((waiting_for_room_ > 0 && (room || batches_.empty())) || (flushing_ > 0 && decided_ == last_))
        changed_.notify_all();
    return true;
}

void producer_link::refuse(put_batch& batch, std::uint32_t index, put_waiter* waiter, put_refusal why,
                           const std::string& text) {
    std::size_t begin = 0;
    for (std::uint32_t i = 0; i < index; ++i) begin += batch.frame.sizes[i];
    const auto body = batch.body.view().subspan(begin, batch.frame.sizes[index]);
    std::span<const std::byte> head;
    const put_batch::special* special = nullptr;
    for (const auto& one : batch.specials) {
        if (one.index != index) continue;
        special = &one;
        head = batch.heads.view().subspan(one.begin, one.size);
    }
    if (kind_of(why) == refusal_kind::later) {
        again_.push_back({{body.begin(), body.end()},
                          {head.begin(), head.end()},
                          waiter != nullptr ? std::move(*waiter) : put_waiter{},
                          special != nullptr && special->ttl,
                          special != nullptr ? special->put_at : time{}});
        return;
    }
    if (waiter != nullptr) return tell(*waiter, {verdict::refused, why, 0});
    if (refused_.size() >= options_.max_unconfirmed) refused_.erase(refused_.begin());
    refused_.push_back({{body.begin(), body.end()}, read_attributes(head), why, text});
}

void producer_link::tell(put_waiter& waiter, put_result result) {
    ready_.emplace_back(std::move(waiter), result);
}

void producer_link::tick(time) {
    for (auto& one : std::exchange(again_, {})) {
        auto& batch = *open_;
        if (batch.frame.sizes.empty()) batch.first = last_ + 1;
        const auto index = static_cast<std::uint32_t>(batch.frame.sizes.size());
        batch.open.write(reinterpret_cast<const char*>(one.body.data()), one.body.size());
        batch.frame.sizes.push_back(static_cast<std::uint32_t>(one.body.size()));
        ++last_;
        bytes_ += one.body.size() + one.head.size();
        if (!one.head.empty()) {
            const auto begin = batch.heads.size();
            batch.heads.write(reinterpret_cast<const char*>(one.head.data()), one.head.size());
            batch.specials.push_back({index, begin, one.head.size(), one.put_at, one.ttl});
        }
        if (one.waiter.any()) batch.waiters.emplace_back(index, std::move(one.waiter));
        if (batch.frame.sizes.size() >= options_.batch_messages || batch.open.size() >= options_.batch_bytes)
            seal();
    }
    pump();
}

void producer_link::ended() {
    const auto give_up = [&](put_waiter& waiter) {
        if (waiter.promise) ready_.emplace_back(std::move(waiter), put_result{.seq = no_verdict});
    };
    for (auto& batch : batches_) {
        for (auto& [index, waiter] : batch->waiters) give_up(waiter);
    }
    for (auto& [index, waiter] : open_->waiters) give_up(waiter);
    for (auto& one : again_) give_up(one.waiter);
}

void producer_link::run_ready() {
    std::vector<std::pair<put_waiter, put_result>> now;
    {
        const std::lock_guard held{mutex_};
        if (ready_.empty()) return;
        now.swap(ready_);
    }
    const auto runner = callbacks_.lock();
    for (auto& [waiter, result] : now) {
        if (waiter.promise && result.seq == no_verdict) {
            waiter.promise->set_exception(std::make_exception_ptr(
                error{errc::closed, "producer: it was closed before this put had its verdict"}));
        } else if (waiter.promise) {
            waiter.promise->set_value(result);
        } else if (runner) {
            runner->post([call = std::move(waiter.call), result = result] { call(result); });
        }
    }
}

std::size_t producer_link::flush(deadline until) {
    lock held{mutex_};
    ++flushing_;
    pump();
    leave(held);
    held.lock();
    const auto over = [&] { return closed_ || (decided_ == last_ && again_.empty()); };
    if (until.is_never()) {
        changed_.wait(held, over);
    } else {
        changed_.wait_until(held, clock::now() + until.left(), over);
    }
    --flushing_;
    return static_cast<std::size_t>(last_ - decided_) + again_.size();
}

std::vector<refused_put> producer_link::take_refused() {
    const std::lock_guard held{mutex_};
    return std::exchange(refused_, {});
}

std::size_t producer_link::unconfirmed() {
    const std::lock_guard held{mutex_};
    return static_cast<std::size_t>(last_ - decided_) + again_.size();
}

void producer_link::close(deadline until) {
    {
        const std::lock_guard held{mutex_};
        if (closed_) return;
    }
    const auto left = flush(until);
    if (left > 0)
        warn_("producer to " + name() + ": ends with " + std::to_string(left) +
              (left == 1 ? " put that has" : " puts that have") + " no verdict");
    close_link();
}

producer_core::producer_core(context& ctx, const endpoint& at, producer_options options)
    : link_(std::make_shared<producer_link>(ctx, at, std::move(options))) {
    link_->begin();
}

producer_core::~producer_core() {
    close(link_->linger());
}

std::unique_lock<std::mutex> producer_core::lock() {
    return link_->take();
}
status producer_core::wait_for_room(std::unique_lock<std::mutex>& held, deadline until) {
    return link_->wait_for_room(held, until);
}
buffer& producer_core::open_batch() {
    return link_->open_batch();
}
void producer_core::added(std::unique_lock<std::mutex>& held, std::size_t before, const put_options& how,
                          put_waiter waiter) {
    link_->added(held, before, how, std::move(waiter));
}
std::size_t producer_core::flush(deadline until) {
    return link_->flush(until);
}
std::vector<refused_put> producer_core::take_refused() {
    return link_->take_refused();
}
std::size_t producer_core::unconfirmed() const {
    return link_->unconfirmed();
}
status producer_core::wait_ready(deadline until) {
    return link_->wait_ready(until);
}
void producer_core::close(deadline until) {
    link_->close(until);
}

}  // namespace leat::detail

#include <leat/queue/detail/producer_link.hpp>

#include <leat/queue/detail/head.hpp>

#include <algorithm>
#include <iterator>
#include <limits>

namespace leat::detail {

producer_link::producer_link(context& ctx, const endpoint& at, producer_options options)
    : client_link(ctx, {at, (options.check(), options.queue), wire::role::producer, options.socket}),
      options_(std::move(options)),
      callbacks_(ctx.attached<callback_runner>()) {}

bool producer_link::full() const noexcept {
    return undecided() >= options_.max_unconfirmed || bytes_ >= options_.max_bytes;
}

/// For those that wait for it: not for one message only.
bool producer_link::has_room() const noexcept {
    const bool enough =
        undecided() <= options_.max_unconfirmed / 4 * 3 && bytes_ <= options_.max_bytes / 4 * 3;
    return !full() && (enough || batches_.empty());
}

leat::status producer_link::wait_for_room(lock& held, deadline until) {
    if (closed_) return leat::status::closed;
    if (!full()) return leat::status::ok;
    if (until.is_now()) return leat::status::timeout;
    pump();
    if (full() && !closed_) {
        ++waiting_for_room_;
        await(held, until, [&] { return closed_ || has_room(); });
        --waiting_for_room_;
    }
    if (closed_) return leat::status::closed;
    return full() ? leat::status::timeout : leat::status::ok;
}

buffer& producer_link::open_batch() {
    return open_->open;
}

void producer_link::added(lock& held, std::size_t before, const put_options& how, put_waiter waiter,
                          const put_mark* mark) {
    auto& batch = *open_;
    if (waiter.any()) ++waiters_;
    const auto size = batch.open.size() - before;
    const auto heads_before = batch.heads.size();
    if (!is_plain(how)) write_attributes(how, batch.heads);
    const auto head_size = batch.heads.size() - heads_before;
    const bool bad = head_size > wire::longest_attributes;
    const bool too_large = terms_.max_message > 0 && size + head_size > terms_.max_message;
    if (bad || too_large) {  // L4; it need not travel for that
        const auto body = batch.open.view().subspan(before);
        const auto head = batch.heads.view().subspan(heads_before);
        again_put back{
            {body.begin(), body.end()}, {head.begin(), head.end()}, std::move(waiter), {}, false, {}};
        batch.open.truncate(before);
        batch.heads.truncate(heads_before);
        refuse(std::move(back), bad ? put_refusal::bad_message : put_refusal::too_large,
               bad ? "more than 64 KiB of attributes" : "");
        return leave(held);
    }
    if (batch.messages() == 0) batch.first = last_ + 1;
    const auto index = static_cast<std::uint32_t>(batch.messages());
    batch.frame.sizes.push_back(static_cast<std::uint32_t>(size));
    ++last_;
    bytes_ += size + head_size;
    if (head_size > 0)
        batch.specials.push_back({index, heads_before, head_size, clock::now(), how.ttl.has_value()});
    if (mark != nullptr) batch.marks.emplace_back(index, *mark);
    if (waiter.any()) batch.waiters.emplace_back(index, std::move(waiter));
    pump();
    leave(held);
}

std::unique_ptr<put_batch> producer_link::another_batch() {
    if (spare_.empty()) return std::make_unique<put_batch>();
    auto one = std::move(spare_.back());
    spare_.pop_back();
    return one;
}

/// Closes the open batch. Its room goes to the next one.
void producer_link::seal() {
    auto& batch = *open_;
    batch.seal();
    auto room = batch.body.size() <= batch.open.capacity() ? std::move(batch.open) : buffer{};
    batches_.push_back(std::exchange(open_, another_batch()));
    if (room.capacity() > 0) open_->open = std::move(room);
}

/// A quarter of the window at most, so that few have to ask for room.
std::size_t producer_link::batch_bytes() const noexcept {
    return window_ == 0 ? options_.batch_bytes : std::min<std::size_t>(options_.batch_bytes, window_ / 4);
}

/// L6: no PUT goes beyond what was granted.
bool producer_link::fits(const put_batch& batch) {
    return up() && batch.most_sent() <= granted_ - std::min(granted_, sent_);
}

/// The queue grants more when half of the window is used; what is larger than that asks for it.
void producer_link::ask_for_room(const put_batch& batch) {
    const auto total = sent_ + batch.most_sent();
    if (!up() || total <= needed_) return;
    needed_ = total;
    wire::need frame;
    frame.bytes = total;
    send(frame);
}

/// Sends what may be sent: at once when little is under way, else when a frame is full.
void producer_link::pump() {
    const bool enough = open_->messages() >= options_.batch_messages || open_->bytes() >= batch_bytes();
    if (enough) seal();
    if (holds_back()) return;
    while (unsent_ < batches_.size()) {
        auto& next = *batches_[unsent_];
        if (!fits(next)) {
            if (next.most_sent() > window_ / 2) ask_for_room(next);
            return;
        }
        if (!send_batch(next)) return;
    }
    const bool now = flushing_ > 0 || unsent_ < frames_before_gathering;
    if (open_->messages() == 0 || !now || !fits(*open_)) return;
    seal();
    send_batch(*batches_.back());
}

bool producer_link::send_batch(put_batch& batch) {
    batch.make_frame(decided_ + 1);
    if (options_.in_order) batch.frame.flags = wire::put::in_order;
    ++unsent_;  // before: a send that fails ends the session, and all is unsent again
    const auto bytes = send(batch.frame, &batch.body);
    sent_ += bytes;
    return bytes > 0;
}

void producer_link::greet(wire::hello& frame) {
    frame.floor = decided_ + 1;
    frame.in_order = options_.in_order;
    frame.stage = options_.stage;
}

bool producer_link::welcomed(const wire::welcome& frame) {
    sent_ = needed_ = 0;
    unsent_ = 0;
    granted_ = window_ = frame.bytes;
    if (!take_welcome(frame)) return false;
    refuse_too_large();
    pump();
    return true;
}

void producer_link::session_ended() {
    unsent_ = 0;
    granted_ = sent_ = needed_ = 0;
}

void producer_link::tick(time) {
    if (!again_.empty()) {
        if (!options_.in_order) {
            put_again();
        } else if (unsent_ == 0) {  // nothing is under way
            put_again_in_order();
        }
    }
    // The window may have become smaller since it was told.
    if (!holds_back() && unsent_ < batches_.size() && !fits(*batches_[unsent_]))
        ask_for_room(*batches_[unsent_]);
    pump();
}

void producer_link::put_again() {
    for (auto& one : std::exchange(again_, {})) {
        auto& batch = *open_;
        if (batch.messages() == 0) batch.first = last_ + 1;
        ++last_;
        bytes_ += one.body.size() + one.head.size();
        batch.add(std::move(one));
        if (batch.messages() >= options_.batch_messages || batch.bytes() >= batch_bytes()) seal();
    }
}

/// L4, for what was put before the queue had said what it takes, or since it takes less: it knows nothing of
/// it, nor of what comes after.
void producer_link::refuse_too_large() {
    const auto most = terms_.max_message;
    const auto fine = [&](const auto& batch) { return batch->largest() <= most; };
    if (most == 0 || (fine(open_) && std::all_of(batches_.begin(), batches_.end(), fine))) return;
    if (open_->messages() > 0) seal();
    for (auto& batch : batches_) {
        if (decided_ >= batch->first || !fine(batch)) batch = rest_of(*batch, most);
    }
    std::erase_if(batches_, [](const auto& batch) { return batch->messages() == 0; });
    number_anew();
    tell_all();
}

/// What of a batch has no verdict yet and is not larger than `most`; what is, is refused.
std::unique_ptr<put_batch> producer_link::rest_of(put_batch& batch, std::uint64_t most) {
    const auto from = decided_ < batch.first ? 0 : decided_ + 1 - batch.first;
    bytes_ -= batch.bytes();
    auto kept = another_batch();
    for (auto& one :
         batch.take(static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(batch.messages() - 1))) {
        if (one.body.size() + one.head.size() > most) {
            refuse(std::move(one), put_refusal::too_large, {});
        } else {
            kept->add(std::move(one));
        }
    }
    kept->seal();
    bytes_ += kept->bytes();
    return kept;
}

/// What has no verdict moves up behind what has one. For when nothing of it is under way.
void producer_link::number_anew() {
    last_ = decided_;
    const auto number = [&](put_batch& batch) {
        batch.first = last_ + 1;
        last_ += batch.messages();
    };
    for (auto& batch : batches_) number(*batch);
    if (open_->messages() > 0) number(*open_);
}

/// Before all that was put since: their numbers move up, as none of them has been sent.
void producer_link::put_again_in_order() {
    if (!batches_.empty() && decided_ >= batches_.front()->first)
        batches_.front() = rest_of(*batches_.front(), std::numeric_limits<std::uint64_t>::max());
    std::deque<std::unique_ptr<put_batch>> first;
    for (auto& one : std::exchange(again_, {})) {
        if (first.empty() || first.back()->messages() >= options_.batch_messages ||
            first.back()->bytes() >= batch_bytes())
            first.push_back(another_batch());
        bytes_ += one.body.size() + one.head.size();
        first.back()->add(std::move(one));
    }
    for (auto& batch : first) batch->seal();
    batches_.insert(batches_.begin(), std::make_move_iterator(first.begin()),
                    std::make_move_iterator(first.end()));
    number_anew();
    wire::resume frame;
    send(frame);
}

std::size_t producer_link::flush(deadline until) {
    lock held{mutex_};
    ++flushing_;
    pump();
    await(held, until, [&] { return closed_ || undecided() == 0; });
    --flushing_;
    const auto left = undecided();
    leave(held);
    return static_cast<std::size_t>(left);
}

std::size_t producer_link::unconfirmed() {
    lock held{mutex_};
    read_what_came();
    const auto left = undecided();
    leave(held);
    return static_cast<std::size_t>(left);
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

}  // namespace leat::detail

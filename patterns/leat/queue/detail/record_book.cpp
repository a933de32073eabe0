#include <leat/queue/detail/record_book.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::size_t most_rewritten = 32, most_rewritten_bytes = 4 << 20;  // by one commit

}  // namespace

record_book::~record_book() {
    for (auto* list : {all_, spare_}) {
        while (list != nullptr) delete std::exchange(list, list->next);
    }
}

record* record_book::make(std::uint64_t seq, message block, std::size_t base, bool shared) {
    closed_empty_ = close_open();
    auto* rec = spare_;
    if (rec != nullptr) {
        spare_ = rec->next;
        --spares_;
    } else {
        rec = new record;
    }
    rec->open(++last_number_, seq, std::move(block), base, shared);
    return open_ = link(rec);
}

record* record_book::link(record* rec) {
    rec->previous = nullptr;
    rec->next = all_;
    (all_ != nullptr ? all_->previous : oldest_) = rec;
    return all_ = rec;
}

record* record_book::adopt(std::unique_ptr<record> rec) {
    rec->compact();
    rec->set_stored(rec->added_bytes());
    look_if_sparse(rec.get());
    return link(rec.release());
}

spot record_book::add(std::uint64_t seq, ticks now, std::span<const std::byte> body,
                      std::span<const std::byte> head, tag as, message* frame) {
    const bool follows = open_ != nullptr && open_->shared() == (frame != nullptr) &&
                         open_->count() < record::most && open_->seq(open_->count()) == seq;
    if (frame != nullptr) {
        if (!follows || open_->begin() != frame->data() || open_->tail() != body.data()) {
            make(seq, frame->share(), static_cast<std::size_t>(body.data() - frame->data()), true);
        }
    } else {
        if (!follows || open_->room() < body.size())
            make(seq, message{std::max(block_size, body.size())}, 0, false);
        if (!body.empty()) std::memcpy(open_->tail(), body.data(), body.size());
    }
    return {open_, open_->append(now, static_cast<std::uint32_t>(body.size()), head, as)};
}

std::uint64_t record_book::close_open() {
    if (open_ == nullptr) return 0;
    auto* rec = std::exchange(open_, nullptr);
    rec->seal();
    const auto emptied = rec->live() == 0 ? rec->number() : 0;
    drop_if_empty(rec);
    return emptied;
}

std::uint64_t record_book::end(spot at) {
    at.rec->end(at.i);
    if (at.rec->sparse(most_dead_)) look_if_sparse(at.rec);
    if (at.rec->live() > 0 || at.rec == open_) return 0;
    const auto number = at.rec->number();
    drop_if_empty(at.rec);
    return number;
}

void record_book::keep_warm(record* rec) {
    if (rec->warm_size != 0) return;
    rec->warm_size = rec->body_bytes() + 1;
    warm_bytes_ += rec->warm_size;
    rec->warm_next = nullptr;
    rec->warm_previous = last_warm_;
    (last_warm_ != nullptr ? last_warm_->warm_next : first_warm_) = rec;
    last_warm_ = rec;
}

void record_book::leave_warm(record* rec) {
    if (rec->warm_size == 0) return;
    warm_bytes_ -= std::exchange(rec->warm_size, 0);
    (rec->warm_previous != nullptr ? rec->warm_previous->warm_next : first_warm_) = rec->warm_next;
    (rec->warm_next != nullptr ? rec->warm_next->warm_previous : last_warm_) = rec->warm_previous;
}

void record_book::stored(record* rec) {
    rec->set_stored(rec->added_bytes());
    look_if_sparse(rec);
    if (warm_bytes_ < most_warm_) {
        keep_warm(rec);
    } else if (rec->warm_size == 0) {
        rec->chill();
    }
}

void record_book::trim() {
    while (warm_bytes_ > most_warm_) {
        auto* rec = first_warm_;
        leave_warm(rec);
        rec->chill();
    }
}

void record_book::look_if_sparse(record* rec) {
    if (rec->sparse_turn != 0 || !rec->sparse(most_dead_)) return;
    rec->sparse_turn = sparse_turn_;
    rec->sparse_next = nullptr;
    rec->sparse_previous = last_sparse_;
    (last_sparse_ != nullptr ? last_sparse_->sparse_next : first_sparse_) = rec;
    last_sparse_ = rec;
}

void record_book::leave_sparse(record* rec) {
    if (std::exchange(rec->sparse_turn, 0) == 0) return;
    (rec->sparse_previous != nullptr ? rec->sparse_previous->sparse_next : first_sparse_) = rec->sparse_next;
    (rec->sparse_next != nullptr ? rec->sparse_next->sparse_previous : last_sparse_) = rec->sparse_previous;
}

void record_book::take_sparse(std::vector<rewritten_record>& to) {
    std::size_t bytes = 0;
    for (const auto* rec = first_sparse_; rec != nullptr && rec->sparse_turn < sparse_turn_ &&
                                          to.size() < most_rewritten && bytes < most_rewritten_bytes;
         rec = rec->sparse_next) {
        to.push_back({rec->number(), rec->live_bytes()});
        bytes += rec->stored_bytes();
    }
    ++sparse_turn_;
}

/// They are the first of the list, but for those that have become empty meanwhile.
void record_book::rewritten(std::span<const rewritten_record> all) {
    for (const auto& one : all) {
        auto* rec = first_sparse_;
        if (rec == nullptr || rec->number() != one.number) continue;
        leave_sparse(rec);
        rec->set_stored(one.live_bytes);
        look_if_sparse(rec);
    }
}

bool record_book::drop_if_empty(record* rec) {
    rec->compact();
    if (rec->live() > 0 || rec->commits > 0 || rec == open_) return false;
    leave_warm(rec);
    leave_sparse(rec);
    (rec->previous != nullptr ? rec->previous->next : all_) = rec->next;
    (rec->next != nullptr ? rec->next->previous : oldest_) = rec->previous;
    if (spares_ == kept) {
        delete rec;
        return true;
    }
    rec->block() = message{};
    rec->next = spare_;
    spare_ = rec;
    ++spares_;
    return true;
}

std::uint64_t record_book::lowest(std::uint64_t next) const noexcept {
    for (const auto* rec = oldest_; rec != nullptr; rec = rec->previous) {
        if (rec->live() > 0 || rec->commits > 0) return rec->seq(0);
    }
    return next;
}

std::size_t record_book::memory() const noexcept {
    std::size_t sum = 0;
    for (const auto* rec = all_; rec != nullptr; rec = rec->next) sum += rec->memory();
    return sum;
}

}  // namespace leat::detail::queueing

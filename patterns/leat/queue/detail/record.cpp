#include <leat/queue/detail/record.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::size_t worth_rewriting = 4096;

}  // namespace

void record::open(std::uint64_t number, std::uint64_t first_seq, message block, std::size_t base,
                  bool shared) {
    shared_ = shared;
    number_ = number;
    first_seq_ = first_seq;
    take(std::move(block));
    base_ = base;
    used_ = live_bytes_ = added_bytes_ = stored_bytes_ = 0;
    count_ = live_ = 0;
    sealed_ = cold_ = false;
    commits = 0;
    narrow_.clear();
    wide_.clear();
    offsets_.clear();
    stamps_.clear();
    heads_.clear();
    head_ends_.clear();
}

std::uint32_t record::append(ticks now, std::uint32_t body_size, std::span<const std::byte> head, tag as) {
    if (body_size >> narrow_bits != 0 && wide_.empty()) widen();
    if (stamps_.empty() || stamps_.back().at != now) stamps_.push_back({count_, now});
    if (count_ % stride == 0) offsets_.push_back(static_cast<std::uint32_t>(used_));
    if (!head.empty() && head_ends_.empty()) head_ends_.assign(count_, 0);
    if (!head.empty() || !head_ends_.empty()) {
        heads_.insert(heads_.end(), head.begin(), head.end());
        head_ends_.push_back(static_cast<std::uint32_t>(heads_.size()));
    }
    // `wide_` of a record whose first message is large is still empty after widen().
    if (wide_.empty() && body_size >> narrow_bits == 0) {
        narrow_.push_back(static_cast<std::uint16_t>(body_size | unsigned{as} << narrow_bits));
    } else {
        wide_.push_back(body_size | std::uint32_t{as} << wide_bits);
    }
    used_ += body_size;
    live_bytes_ += body_size + head.size();
    ++live_;
    return count_++;
}

void record::take(message block) {
    block_ = std::move(block);
    bytes_ = block_.data();
    block_size_ = block_.size();
}

void record::widen() {
    wide_.reserve(narrow_.size() + 1);
    for (const auto word : narrow_) {
        wide_.push_back((word & ((1U << narrow_bits) - 1)) | std::uint32_t{word} >> narrow_bits << wide_bits);
    }
    narrow_.clear();
}

void record::set_tag(std::uint32_t i, tag as) noexcept {
    if (wide_.empty()) {
        narrow_[i] = static_cast<std::uint16_t>(body_size(i) | unsigned{as} << narrow_bits);
    } else {
        wide_[i] = body_size(i) | std::uint32_t{as} << wide_bits;
    }
}

ticks record::admitted_at(std::uint32_t i) const noexcept {
    if (stamps_.size() == 1) return stamps_.front().at;
    const auto after = std::upper_bound(stamps_.begin(), stamps_.end(), i,
                                        [](std::uint32_t at, const stamp& s) { return at < s.from; });
    return std::prev(after)->at;
}

std::span<const std::byte> record::head(std::uint32_t i) const noexcept {
    if (head_ends_.empty()) return {};
    const std::size_t from = i == 0 ? 0 : head_ends_[i - 1];
    return {heads_.data() + from, head_ends_[i] - from};
}

std::size_t record::body_offset(std::uint32_t i) const noexcept {
    std::size_t at = base_ + offsets_[i / stride];
    for (auto k = i / stride * stride; k < i; ++k) at += body_size(k);
    return at;
}

void record::end(std::uint32_t i) {
    live_bytes_ -= body_size(i) + (head_ends_.empty() ? 0 : head(i).size());
    --live_;
    set_tag(i, tag_gone);
    if (sealed_) compact();
}

void record::compact() {
    const auto size = (cold_ ? used_ : block_size_) + heads_.size();
    if (sealed_ && commits == 0 && live_ > 0 && size > worth_rewriting && live_bytes_ < size / 8) rewrite();
}

void record::seal() {
    sealed_ = true;
    added_bytes_ = used_ + heads_.size();
    const auto fit = [](auto& words) {
        if (words.capacity() > words.size() + words.size() / 4 + 16) words.shrink_to_fit();
    };
    fit(narrow_);
    fit(wide_);
}

void record::chill() {
    cold_ = true;
    take(message{});
    base_ = 0;
}

void record::warm(message block) {
    cold_ = false;
    take(std::move(block));
    compact();
}

void record::rewrite() {
    std::size_t bodies = 0;
    for (std::uint32_t i = 0; i < count_; ++i) bodies += tag_of(i) == tag_gone ? 0 : body_size(i);
    message block{cold_ ? 0 : bodies};
    std::vector<std::byte> heads;
    std::vector<std::uint32_t> ends;
    std::size_t from = base_, to = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
        const auto size = body_size(i);
        const bool gone = tag_of(i) == tag_gone;
        if (i % stride == 0) offsets_[i / stride] = static_cast<std::uint32_t>(to);
        if (!head_ends_.empty()) {
            const auto h = gone ? std::span<const std::byte>{} : head(i);
            heads.insert(heads.end(), h.begin(), h.end());
            ends.push_back(static_cast<std::uint32_t>(heads.size()));
        }
        if (gone) {
            (wide_.empty() ? void(narrow_[i] = std::uint16_t{tag_gone} << narrow_bits)
                           : void(wide_[i] = std::uint32_t{tag_gone} << wide_bits));
        } else {
            if (size != 0 && !cold_) std::memcpy(block.data() + to, bytes_ + from, size);
            to += size;
        }
        from += size;
    }
    take(std::move(block));
    base_ = 0;
    used_ = bodies;
    heads_ = std::move(heads);
    head_ends_ = std::move(ends);
}

std::size_t record::memory() const noexcept {
    return sizeof(record) + narrow_.capacity() * sizeof(narrow_[0]) + wide_.capacity() * sizeof(wide_[0]) +
           offsets_.capacity() * sizeof(offsets_[0]) + stamps_.capacity() * sizeof(stamps_[0]) +
           heads_.capacity() + head_ends_.capacity() * sizeof(head_ends_[0]);
}

}  // namespace leat::detail::queueing

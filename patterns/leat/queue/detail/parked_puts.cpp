#include <leat/queue/detail/parked_puts.hpp>

#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::size_t worth_a_block = 4096;  // less of one producer is put together

// What follows the size of a body, which is doubled and odd when anything does: one byte of these, one of the
// priority, and what they name.
enum : std::uint8_t {
    has_head = 1,
    has_key = 2,
    has_id = 4,
    has_ttl = 8,
    has_at = 16,
    has_more = 32,
    has_mark = 64
};

class writer {
public:
    explicit writer(std::vector<std::byte>& to) : to_(to) {}

    void number(std::uint64_t n) {
        for (; n >= 0x80; n >>= 7) byte(static_cast<std::uint8_t>(n | 0x80));
        byte(static_cast<std::uint8_t>(n));
    }
    void byte(std::uint8_t b) { to_.push_back(std::byte{b}); }
    void bytes(std::span<const std::byte> all) { to_.insert(to_.end(), all.begin(), all.end()); }
    void time(ticks t) { bytes(std::as_bytes(std::span{&t, 1})); }
    void sized(std::span<const std::byte> all) {
        number(all.size());
        bytes(all);
    }

private:
    std::vector<std::byte>& to_;
};

class reader {
public:
    explicit reader(const std::byte* from) : at_(from) {}

    std::uint64_t number() {
        std::uint64_t n = 0;
        for (unsigned shift = 0;; shift += 7) {
            const auto b = byte();
            n |= std::uint64_t{b & 0x7FU} << shift;
            if (b < 0x80) return n;
        }
    }
    std::uint8_t byte() { return std::to_integer<std::uint8_t>(*at_++); }
    std::span<const std::byte> bytes(std::size_t size) { return {std::exchange(at_, at_ + size), size}; }
    std::span<const std::byte> sized() {
        const auto size = number();
        return bytes(size);
    }
    std::string_view text() {
        const auto all = sized();
        return {reinterpret_cast<const char*>(all.data()), all.size()};
    }
    ticks time() {
        ticks t = 0;
        copy(t);
        return t;
    }
    template <class Value>
    void copy(Value& to) {
        static_assert(std::is_trivially_copyable_v<Value>);
        std::memcpy(&to, bytes(sizeof to).data(), sizeof to);
    }
    [[nodiscard]] const std::byte* at() const noexcept { return at_; }

private:
    const std::byte* at_;
};

/// The item's mark, if it has one, is put into `mark`.
const std::byte* read(const std::byte* from, put_item& item, custody_mark& mark) {
    reader in{from};
    const auto size = in.number();
    if (size % 2 != 0) {
        const auto has = in.byte();
        item.priority = in.byte();
        if ((has & has_more) != 0) {
            item.fault = static_cast<put_refusal>(in.byte());
            item.redrives = static_cast<std::uint16_t>(in.number());
        }
        if ((has & has_ttl) != 0) item.ttl = in.time();
        if ((has & has_at) != 0) item.at = in.time();
        if ((has & has_head) != 0) item.head = in.sized();
        if ((has & has_key) != 0) item.key = in.text();
        if ((has & has_id) != 0) item.id = in.text();
        if ((has & has_mark) != 0) {
            in.copy(mark);
            item.mark = &mark;
        }
    }
    item.body = in.bytes(size / 2);
    return in.at();
}

void write(std::vector<std::byte>& to, const put_item& item) {
    const auto bit = [](bool on, std::uint8_t which) { return on ? which : std::uint8_t{0}; };
    const bool good = item.fault == put_refusal::none;
    const auto has = static_cast<std::uint8_t>(
        bit(good && !item.head.empty(), has_head) | bit(good && !item.key.empty(), has_key) |
        bit(!item.id.empty(), has_id) | bit(item.mark != nullptr, has_mark) | bit(good && item.ttl, has_ttl) |
        bit(good && item.at, has_at) | bit(!good || item.redrives != 0, has_more));
    const bool plain = has == 0 && item.priority == put_item{}.priority;
    const auto size = good ? item.body.size() : 0;
    writer out{to};
    out.number(2 * size + (plain ? 0 : 1));
    if (!plain) {
        out.byte(has);
        out.byte(item.priority);
        if ((has & has_more) != 0) {
            out.byte(static_cast<std::uint8_t>(item.fault));
            out.number(item.redrives);
        }
        if ((has & has_ttl) != 0) out.time(*item.ttl);
        if ((has & has_at) != 0) out.time(*item.at);
        if ((has & has_head) != 0) out.sized(item.head);
        if ((has & has_key) != 0) out.sized(std::as_bytes(std::span{item.key}));
        if ((has & has_id) != 0) out.sized(std::as_bytes(std::span{item.id}));
        if ((has & has_mark) != 0) out.bytes(std::as_bytes(std::span{item.mark, 1}));
    }
    out.bytes(item.body.first(size));
}

}  // namespace

void parked_puts::add(std::uint32_t producer, const put_item& item) {
    const bool same = last_ != none && blocks_[last_].producer == producer;
    auto& to =
        same && (open_ || blocks_[last_].bytes.size() < worth_a_block) ? blocks_[last_] : make(producer);
    open_ = true;
    const auto before = to.bytes.capacity();
    write(to.bytes, item);
    bytes_ += to.bytes.capacity() - before;
    ++to.count;
    ++size_;
}

void parked_puts::close() {
    if (!std::exchange(open_, false)) return;
    auto& all = blocks_[last_].bytes;
    if (all.size() < worth_a_block) return;
    bytes_ -= all.capacity();
    all.shrink_to_fit();
    bytes_ += all.capacity();
}

parked_puts::block& parked_puts::make(std::uint32_t producer) {
    const auto b = blocks_.take();
    auto& made = blocks_[b];
    made.producer = producer;
    made.previous = last_;
    (last_ == none ? first_ : blocks_[last_].next) = b;
    last_ = b;
    if (of_.size() <= producer) of_.resize(producer + 1);
    auto& mine = of_[producer];
    (mine.last == none ? mine.first : blocks_[mine.last].next_of_producer) = b;
    mine.last = b;
    return made;
}

put_item parked_puts::front() {
    const auto& first = blocks_[first_];
    put_item item;
    static_cast<void>(read(first.bytes.data() + first.at, item, front_mark_));
    return item;
}

void parked_puts::pop() {
    auto& first = blocks_[first_];
    put_item item;
    first.at = static_cast<std::uint32_t>(read(first.bytes.data() + first.at, item, front_mark_) -
                                          first.bytes.data());
    --size_;
    if (--first.count > 0) return;
    auto& mine = of_[first.producer];
    mine.first = first.next_of_producer;
    if (mine.first == none) mine.last = none;
    drop(first_);
}

void parked_puts::forget(std::uint32_t producer) {
    if (producer >= of_.size()) return;
    for (auto b = std::exchange(of_[producer], {}).first; b != none;) {
        const auto next = blocks_[b].next_of_producer;
        size_ -= blocks_[b].count;
        drop(b);
        b = next;
    }
}

/// Out of the order of arrival.
void parked_puts::drop(std::uint32_t b) {
    auto& gone = blocks_[b];
    (gone.previous == none ? first_ : blocks_[gone.previous].next) = gone.next;
    (gone.next == none ? last_ : blocks_[gone.next].previous) = gone.previous;
    bytes_ -= gone.bytes.capacity();
    gone = block{};
    blocks_.give_back(b);
}

std::size_t parked_puts::memory() const noexcept {
    return blocks_.bytes() + of_.capacity() * sizeof(of_[0]) + bytes_;
}

}  // namespace leat::detail::queueing

#include <leat/queue/detail/hosted_queue.hpp>

#include <leat/queue/detail/head.hpp>
#include <leat/queue/detail/queue_host.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <tuple>

namespace leat::detail {
namespace {

using queueing::delivery_view;

constexpr std::uint64_t most_bytes = 64u << 10;  // of a DELIVER
constexpr std::size_t most_messages = 1024;
constexpr std::size_t worth_sharing = 4096;

queueing::opening new_opening(const queueing::disk_store* disk) {
    std::random_device device;
    const auto random = [&] { return std::uint64_t{device()} << 32 | device(); };
    const auto wall = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    queueing::opening begin;
    // A queue in memory remembers no opening: the clock gives a number that grows.
    begin.number = static_cast<std::uint64_t>(wall.count() / 1000);
    begin.salt = random();
    begin.queue = {random(), random()};
    begin.hash_key = {random(), random()};
    begin.qt = wall.count();
    begin.now = queue_host::clock_now();
    begin.seed = random();
    if (disk == nullptr) return begin;
    const auto& known = disk->identity();
    begin.number = known.openings;
    begin.queue = known.queue;
    begin.hash_key = known.hash_key;
    begin.earlier = known.salts;
    std::tie(begin.next_seq, begin.salt) = known.salts.back();
    begin.earlier.pop_back();
    begin.qt = std::max(begin.qt, disk->recovered_until());  // T1
    return begin;
}

/// True when the bodies lie one behind the other in the same block.
bool contiguous(std::span<const delivery_view> batch) {
    const auto* block = batch.front().block;
    const auto* at = batch.front().body.data();
    if (block == nullptr || block->size() < worth_sharing) return false;
    for (const auto& one : batch) {
        if (one.block != block || one.body.data() != at) return false;
        at += one.body.size();
    }
    return true;
}

/// A frame whose bytes are those from `from` to `end` of a block, shared when they are many.
message slice_of(message& block, const std::byte* from, const std::byte* end) {
    const auto size = static_cast<std::size_t>(end - from);
    if (size < worth_sharing) return message{std::span{from, end}};
    if (size == block.size()) return std::move(block);
    auto* share = new message{std::move(block)};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): a shared block is only read
    return message::adopt(
        const_cast<std::byte*>(from), size, [](void*, void* hint) { delete static_cast<message*>(hint); },
        share);
}

}  // namespace

hosted_queue::hosted_queue(queue_host& host, std::string name, const queue_rules& rules,
                           std::unique_ptr<queueing::disk_store> disk)
    : host_(host),
      name_(std::move(name)),
      disk_(std::move(disk)),
      own_(std::make_unique<queueing::engine>(rules.resolved(on_disk()),
                                              on_disk() ? static_cast<queueing::store&>(*disk_) : memory_,
                                              *this, new_opening(disk_.get()))),
      engine_(*own_) {
    if (on_disk()) recover();
    recent.look(engine_.begin().now, engine_.counts());
    if (engine_.dead() != nullptr) dead_ = std::make_shared<hosted_queue>(*this);
}

hosted_queue::hosted_queue(hosted_queue& of)
    : host_(of.host_), name_(of.name_ + ".dead"), engine_(*of.engine_.dead()), main_(&of) {
    recent.look(engine_.begin().now, engine_.counts());
    engine_.speak_to(*this);
}

hosted_queue::~hosted_queue() = default;

void hosted_queue::recover() {
    auto [queue, letters] = disk_->take_recovered();
    engine_.recover(std::move(queue), std::move(letters));
    const auto found = engine_.depth();
    opened_ = {.number = disk_->identity().openings,
               .clean = disk_->was_clean(),
               .upgraded_from = disk_->upgraded_from(),
               .messages = found.live(),
               .bytes = found.bytes};
    if (const auto* dead = engine_.dead(); dead != nullptr) opened_.dead_letters = dead->depth().live();
    for (const auto& since : engine_.oldest()) {
        if (!since) continue;
        const auto age = std::chrono::nanoseconds{engine_.queue_time() - *since};
        opened_.oldest = std::max(opened_.oldest.value_or(std::chrono::milliseconds{0}),
                                  std::chrono::duration_cast<std::chrono::milliseconds>(age));
    }
}

void hosted_queue::finish() {
    if (!on_disk()) return;
    engine_.finish(queue_host::clock_now());
    disk_->close();
}

void hosted_queue::decided(const queueing::verdict_range& v) {
    const auto found = producers.find(v.producer);
    if (found == producers.end()) return;
    auto& all = found->second->verdicts;
    const auto follows = [&](const queueing::verdict_range& last) {
        const auto next = last.seq == 0 ? 0 : last.seq + (v.first - last.first);
        return last.last + 1 == v.first && last.what == v.what && last.why == v.why && next == v.seq;
    };
    if (!all.empty() && follows(all.back())) {
        all.back().last = v.last;
    } else {
        all.push_back(v);
    }
    host_.flush_later(found->second);
}

void hosted_queue::producer_parked(std::uint32_t producer, bool parked) {
    const auto found = producers.find(producer);
    if (found == producers.end()) return;
    found->second->parked = parked;
    host_.flush_later(found->second);
}

void hosted_queue::committed(std::uint64_t outcomes) {
    if (uncommitted.empty()) return;
    const auto now = queue_host::clock_now();
    std::erase_if(uncommitted, [&](const session_ptr& s) {
        if (s->ended) return true;
        auto& all = s->uncommitted;
        if (all.front().first > outcomes) return false;
        for (; !all.empty() && all.front().first <= outcomes; all.pop_front())
            s->settle_committed = all.front().second;
        host_.settled_later(s, now);
        return all.empty();
    });
}

bool hosted_queue::idle() const noexcept {
    const bool waits = !uncommitted.empty() || (dead_ && !dead_->uncommitted.empty());
    return in_flight() == 0 && (!waits || (disk_ && !disk_->accepts_puts()));
}

void hosted_queue::consumer_lost(std::uint32_t holder) {
    const auto found = consumers.find(holder);
    if (found == consumers.end()) return;
    host_.end_later(found->second, wire::error_code::session_lost, "not heard of in time, or barred");
}

void hosted_queue::delivery_lost(std::uint32_t holder, std::uint64_t d) {
    const auto found = consumers.find(holder);
    if (found == consumers.end()) return;
    found->second->lost.push_back({d, d});
    host_.flush_later(found->second);
}

std::uint8_t hosted_queue::state_of(const peer_session& of) {
    std::uint8_t flags = 0;
    if (engine_.takes_paused()) flags |= wire::state::takes_paused;
    if (engine_.puts_paused()) flags |= wire::state::puts_paused;
    if (engine_.draining()) flags |= wire::state::draining;
    if (of.as == wire::role::consumer && engine_.consumer(of.handle).standby) flags |= wire::state::standby;
    return flags;
}

void hosted_queue::tell_state() {
    if (!std::exchange(state_changed_, false)) return;
    for (const auto* all : {&producers, &consumers}) {
        for (const auto& [handle, s] : *all) {
            wire::state frame;
            frame.flags = state_of(*s);
            if (std::exchange(s->state, frame.flags) != frame.flags) host_.send(*s, frame);
        }
    }
}

void hosted_queue::deliver(std::uint32_t holder, std::span<const delivery_view> batch) {
    if (to_holder_ != queueing::none) {
        const bool follows = to_holder_ == holder && shared_ &&
                             frame_.first + frame_.sizes.size() == batch.front().d &&
                             batch.front().body.data() == end_ && contiguous(batch) &&
                             frame_.sizes.size() + batch.size() <= most_messages &&
                             static_cast<std::uint64_t>(end_ - from_) < most_bytes;
        if (!follows) send_deliveries();
    }
    const bool fresh = to_holder_ == queueing::none;
    if (fresh) {
        const auto found = consumers.find(holder);
        to_ = found == consumers.end() ? nullptr : found->second;
        to_holder_ = holder;
        frame_.first = batch.front().d;
        frame_.sizes.clear();
        frame_.sequences.clear();
        frame_.special.clear();
        in_sequence_ = true;
        shared_ = contiguous(batch);
        if (shared_) {
            block_ = batch.front().block->share();
            from_ = batch.front().body.data();
        } else {
            std::size_t size = 0;
            for (const auto& one : batch) size += one.body.size();
            block_ = message{size};
            auto* at = block_.data();
            for (const auto& one : batch) {
                if (!one.body.empty()) std::memcpy(at, one.body.data(), one.body.size());
                at += one.body.size();
            }
        }
    }
    if (shared_) end_ = batch.back().body.data() + batch.back().body.size();
    bool special = false;
    for (const auto& one : batch) {
        const auto index = static_cast<std::uint32_t>(frame_.sizes.size());
        frame_.sizes.push_back(static_cast<std::uint32_t>(one.body.size()));
        if (index > 0) in_sequence_ = in_sequence_ && one.seq == last_seq_ + 1;
        // A message that is handed out again may be older than the one before it: the distance then wraps
        // around.
        frame_.sequences.push_back(index == 0 ? one.seq : one.seq - last_seq_);
        last_seq_ = one.seq;
        if (to_ != nullptr) to_->given_bytes += one.head.size() + one.body.size();
        if (one.head.empty() && one.attempts == 0 && one.deliveries == 0) continue;
        wire::deliver_special with;
        with.index = index;
        with.head = {reinterpret_cast<const char*>(one.head.data()),
                     static_cast<std::uint32_t>(one.head.size())};
        with.attempts = one.attempts;
        with.deliveries = one.deliveries;
        if (one.ttl_left > 0) with.ttl_left = ms_of(std::chrono::nanoseconds{one.ttl_left});
        frame_.special.push_back(with);
        special = true;
    }
    if (special || !shared_) send_deliveries();  // heads last as long as this call
}

void hosted_queue::send_deliveries() {
    if (to_holder_ == queueing::none) return;
    const queueing::number_range all{frame_.first, frame_.first + frame_.sizes.size() - 1};
    delivery_batches.add(frame_.sizes.size());
    if (in_sequence_ && frame_.sequences.size() > 1)
        frame_.sequences.erase(frame_.sequences.begin() + 1, frame_.sequences.end());
    message body = shared_ ? slice_of(block_, from_, end_) : std::move(block_);
    block_ = message{};
    if (to_ == nullptr || !host_.send(*to_, frame_, &body)) unsent_.emplace_back(to_holder_, all);
    to_ = nullptr;
    to_holder_ = queueing::none;
}

void hosted_queue::release_unsent() {
    for (const auto& [holder, range] : std::exchange(unsent_, {})) {
        static_cast<void>(engine_.settle(holder, outcome::release, std::span{&range, 1}));
    }
}

}  // namespace leat::detail

// What is asked of a queue, and told of it, by those who look into it and steer it.

#include <leat/queue/detail/hosted_queue.hpp>

#include <leat/queue/detail/head.hpp>
#include <leat/queue/detail/id_octets.hpp>
#include <leat/queue/detail/queue_host.hpp>

#include <algorithm>
#include <string>

namespace leat::detail {
namespace {

using queueing::ticks;

constexpr ticks ms = 1'000'000;
constexpr std::size_t longest_shown = 10;
constexpr std::uint64_t weight_beside = 64;  // what a message counts beside attributes and body (L2)

std::chrono::milliseconds age(ticks now, ticks since) {
    return std::chrono::milliseconds{std::max<ticks>(now - since, 0) / ms};
}

std::uint64_t wall_ms(ticks queue_time) {
    return static_cast<std::uint64_t>(std::max<ticks>(queue_time, 0) / ms);
}

std::string text_of(std::span<const std::byte> octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

/// Its views are of `which`.
queueing::letter_filter filter_of(const wire::selection& which, ticks now) {
    queueing::letter_filter filter{.seqs = which.seqs, .after = which.after};
    if (which.why) filter.why = static_cast<death>(*which.why);
    if (which.key) filter.key = *which.key;
    if (which.older_than)
        filter.older_than = now - static_cast<ticks>(std::min(*which.older_than, longest_ms)) * ms;
    return filter;
}

}  // namespace

queue_stat hosted_queue::stat() {
    const auto now = engine_.queue_time();
    queue_stat all;
    all.counts = engine_.counts();
    all.depth = engine_.depth();
    all.producers = producers.size();
    all.consumers = consumers.size();
    all.puts_paused = engine_.puts_paused();
    all.takes_paused = engine_.takes_paused();
    all.stopped_by_dead_letters = engine_.stopped_by_dead_letters();
    all.bad_frames = host_.bad_frames();
    if (auto* dead = engine_.dead(); dead != nullptr) {
        all.dead_letters = dead->depth().live();
        all.dead_letter_bytes = dead->depth().bytes;
        all.counts.redriven = dead->counts().redriven;
        all.counts.dead_dropped = dead->counts().dead_dropped;
    }
    const auto oldest = engine_.oldest();
    for (std::size_t p = 0; p < oldest.size(); ++p) {
        if (oldest[p]) all.oldest[p] = age(now, *oldest[p]);
    }
    all.keys = engine_.keys_known();
    all.keys_held = engine_.keys_held();
    for (const auto& one : engine_.longest_held(longest_shown))
        all.longest_held.push_back({read_attributes(one.head).key, age(now, one.since), one.waiting});
    all.recent = recent.until(queue_host::clock_now(), all.counts);
    all.put_batches = put_batches;
    all.delivery_batches = delivery_batches;
    all.settle_batches = settle_batches;
    all.dedup_span = age(engine_.ids_cover(), 0);
    for (const auto& one : engine_.consumers())
        all.each_consumer.push_back({one.consumer, one.standby, one.barred, one.held, one.held_bytes,
                                     one.credit_messages, one.credit_bytes});
    if (disk_ != nullptr) all.store = store_stat();
    return all;
}

queue_store_stat hosted_queue::store_stat() {
    auto all = disk_->stat();
    for (auto* each : {&engine_, engine_.dead()}) {
        if (each == nullptr) continue;
        const auto now = each->depth();
        all.live_bytes += now.bytes - now.live() * weight_beside;
    }
    all.dead_bytes -= std::min(all.dead_bytes, all.live_bytes);
    return all;
}

wire::done hosted_queue::operate(const wire::operate& what) {
    wire::done report;
    const auto filter = filter_of(what.which, engine_.queue_time());
    switch (static_cast<wire::operation>(what.what)) {
        case wire::operation::purge:
            report.count = engine_.purge();
            break;
        case wire::operation::purge_dead:
            if (auto* dead = engine_.dead(); dead != nullptr) report.count = dead->purge();
            break;
        case wire::operation::redrive: {
            const auto result = engine_.redrive(filter, what.most);
            report.count = result.moved;
            report.left = result.left;
            break;
        }
        case wire::operation::pause_puts:
            engine_.pause_puts(true);
            break;
        case wire::operation::resume_puts:
            engine_.pause_puts(false);
            break;
        case wire::operation::pause_takes:
            engine_.pause_takes(true);
            break;
        case wire::operation::resume_takes:
            engine_.pause_takes(false);
            break;
    }
    state_changed_ = true;
    host_.pass_now(*this);
    return report;
}

void hosted_queue::peek(std::uint64_t most,
                        const std::function<void(wire::waiting&&, std::span<const std::byte>)>& visit) {
    engine_.peek(most, [&](const queueing::ready_view& one) {
        wire::waiting shown;
        shown.seq = one.seq;
        shown.size = static_cast<std::uint32_t>(one.body.size());
        shown.head = text_of(one.head);
        shown.since = wall_ms(one.ready_at);
        shown.attempts = one.attempts;
        visit(std::move(shown), one.body);
    });
}

void hosted_queue::letters(const wire::selection& which, std::uint64_t most,
                           const std::function<void(wire::letter&&, std::span<const std::byte>)>& visit) {
    const auto show = [&](const queueing::letter_view& one) {
        const auto& of = *one.what;
        wire::letter shown;
        shown.seq = one.seq;
        shown.size = static_cast<std::uint32_t>(one.body.size());
        shown.head = text_of(one.head);
        shown.queue = octets_of(of.origin.queue);
        shown.salt = of.origin.salt;
        shown.sequence = of.origin.seq;
        shown.why = static_cast<std::uint8_t>(of.why);
        shown.text = of.text;
        shown.attempts = of.attempts;
        shown.losses = of.losses;
        shown.deliveries = of.deliveries;
        shown.redrives = of.redrives;
        shown.put_at = wall_ms(of.put_at);
        shown.died_at = wall_ms(of.died_at);
        if (of.delivered_at != 0) shown.delivered_at = wall_ms(of.delivered_at);
        shown.last_consumer = octets_of(of.last_holder);
        visit(std::move(shown), one.body);
    };
    engine_.letters(filter_of(which, engine_.queue_time()), most, show);
}

}  // namespace leat::detail

#include <leat/queue/detail/figures.hpp>

#include <leat/queue/detail/id_octets.hpp>

#include <string>

namespace leat {
namespace {

using std::chrono::milliseconds;

const std::string store_commits = "store.commits";

template <class Stat, class Visit>
void each_store_figure(Stat& s, Visit& visit) {
    visit(store_commits, s.commits);
    visit("store.failed_commits", s.failed_commits);
    visit("store.failing", s.failing);
    const auto histogram = [&](const std::string& name, auto& h) {
        visit(name + ".sum", h.sum);
        for (std::size_t i = 0; i < h.size; ++i)
            visit.bucket(name + ".upto." + std::to_string(queue_histogram::upto(i)), h.buckets[i]);
    };
    histogram("store.commit_us", s.commit_us);
    histogram("store.sync_us", s.sync_us);
    histogram("store.commit_bytes", s.commit_bytes);
    visit("store.since_commit_ms", s.since_commit);
    visit("store.file_bytes", s.file_bytes);
    visit("store.reserve_bytes", s.reserve_bytes);
    visit("store.live_bytes", s.live_bytes);
    visit("store.dead_bytes", s.dead_bytes);
}

/// Calls `visit(name, member)` for each number.
template <class Stat, class Visit>
void each_figure(Stat& s, Visit visit) {
    auto& c = s.counts;
    visit("admitted", c.admitted);
    visit("confirmed", c.confirmed);
    visit("acked", c.acked);
    visit("late_acks", c.late_acks);
    visit("released", c.released);
    visit("retried", c.retried);
    visit("rejected", c.rejected);
    visit("lost", c.lost);
    visit("lost_sole", c.lost_sole);
    visit("stale", c.stale);
    visit("deliveries", c.deliveries);
    visit("redelivered", c.redelivered);
    visit("expired", c.expired);
    visit("overflow", c.overflow);
    visit("purged", c.purged);
    visit("discarded", c.discarded);
    visit("dead_dropped", c.dead_dropped);
    visit("redriven", c.redriven);
    visit("failed", c.failed);
    visit("repeated", c.repeated);
    visit("same_id", c.same_id);
    visit("same_mark", c.same_mark);
    visit("evicted_ids", c.evicted_ids);
    visit("evicted_producers", c.evicted_producers);
    visit("possible_duplicates", c.possible_duplicates);
    visit("rolled_back", c.rolled_back);
    for (std::size_t i = 0; i < c.dead.size(); ++i)
        visit("dead." + std::string{to_string(static_cast<death>(i))}, c.dead[i]);
    for (std::size_t i = 1; i < c.refused.size(); ++i)
        visit("refused." + std::string{to_string(static_cast<put_refusal>(i))}, c.refused[i]);

    auto& d = s.depth;
    visit("pending", d.pending);
    visit("delayed", d.delayed);
    visit("ready", d.ready);
    visit("waiting", d.waiting);
    visit("in_flight", d.in_flight);
    visit("settled", d.settled);
    visit("doomed", d.doomed);
    visit("bytes", d.bytes);
    visit("parked", d.parked);

    visit("producers", s.producers);
    visit("consumers", s.consumers);
    visit("puts_paused", s.puts_paused);
    visit("takes_paused", s.takes_paused);
    visit("stopped_by_dead_letters", s.stopped_by_dead_letters);
    visit("bad_frames", s.bad_frames);
    visit("dead_letters", s.dead_letters);
    visit("dead_letter_bytes", s.dead_letter_bytes);
    for (std::size_t p = 0; p < s.oldest.size(); ++p) visit("oldest_ms." + std::to_string(p), s.oldest[p]);
    visit("keys", s.keys);
    visit("keys_held", s.keys_held);
    visit("dedup_span_ms", s.dedup_span);

    visit("recent_ms", s.recent.within);
    visit("recent.admitted", s.recent.admitted);
    visit("recent.deliveries", s.recent.deliveries);
    visit("recent.acked", s.recent.acked);
    const auto batches = [&](const std::string& name, auto& b) {
        visit(name + ".frames", b.frames);
        visit(name + ".messages", b.messages);
        visit(name + ".largest", b.largest);
    };
    batches("put_batches", s.put_batches);
    batches("delivery_batches", s.delivery_batches);
    batches("settle_batches", s.settle_batches);
    if (s.store) each_store_figure(*s.store, visit);
}

struct writer {
    std::map<std::string, std::uint64_t>& to;
    void operator()(const std::string& name, std::uint64_t n) const { to[name] = n; }
    void bucket(const std::string& name, std::uint64_t n) const {
        if (n != 0) to[name] = n;
    }
    void operator()(const std::string& name, milliseconds t) const {
        to[name] = static_cast<std::uint64_t>(t.count());
    }
    void operator()(const std::string& name, const std::optional<milliseconds>& t) const {
        if (t) (*this)(name, *t);
    }
};

struct reader {
    const std::map<std::string, std::uint64_t>& from;
    void operator()(const std::string& name, std::uint64_t& n) const {
        if (const auto found = from.find(name); found != from.end()) n = found->second;
    }
    void bucket(const std::string& name, std::uint64_t& n) const { (*this)(name, n); }
    void operator()(const std::string& name, bool& on) const {
        std::uint64_t n = 0;
        (*this)(name, n);
        on = n != 0;
    }
    void operator()(const std::string& name, milliseconds& t) const {
        std::uint64_t n = 0;
        (*this)(name, n);
        t = milliseconds{n};
    }
    void operator()(const std::string& name, std::optional<milliseconds>& t) const {
        if (from.contains(name)) (*this)(name, t.emplace());
    }
};

}  // namespace

std::map<std::string, std::uint64_t> figures(const queue_stat& stat) {
    std::map<std::string, std::uint64_t> all;
    each_figure(stat, writer{all});
    return all;
}

namespace detail {

wire::status status_of(const queue_stat& stat) {
    wire::status frame;
    frame.counts = figures(stat);
    for (const auto& one : stat.each_consumer)
        frame.consumers.push_back({octets_of(one.id), one.standby, one.barred, one.in_flight, one.bytes,
                                   one.credit_messages, one.credit_bytes});
    for (const auto& one : stat.longest_held)
        frame.keys.push_back({one.key, static_cast<std::uint64_t>(one.age.count()), one.waiting});
    return frame;
}

queue_stat stat_of(const wire::status& frame) {
    queue_stat stat;
    if (frame.counts.contains(store_commits)) stat.store.emplace();
    each_figure(stat, reader{frame.counts});
    for (const auto& one : frame.consumers)
        stat.each_consumer.push_back({id_of(one.client), one.standby, one.barred, one.in_flight, one.bytes,
                                      one.credit_messages, one.credit_bytes});
    for (const auto& one : frame.keys)
        stat.longest_held.push_back({one.key, milliseconds{one.age}, one.waiting});
    return stat;
}

}  // namespace detail
}  // namespace leat

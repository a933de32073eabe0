#include <leat/queue/detail/queue_host.hpp>

#include <leat/error.hpp>

#include <algorithm>
#include <chrono>

namespace leat::detail {
namespace {

using namespace std::chrono_literals;
using queueing::ticks;

constexpr int frames_a_pass = 256;
constexpr std::size_t puts_a_pass = 64;
constexpr ticks ms = 1'000'000;
constexpr ticks sweep_interval = 100 * ms;
constexpr ticks stall = 1000 * ms;  // a longer gap between passes was not the peers' fault (section 3)
constexpr ticks short_stall =
    2 * sweep_interval;  // after which all that has arrived is read before timers run
constexpr int frames_after_stall = 16'384;
constexpr std::uint64_t all_unread = std::uint64_t{1} << 30;  // of up to 256 connections; each has 4 MiB
constexpr std::uint64_t worth_noting = 64u << 10;
constexpr std::size_t most_noted = 65'536;
constexpr ticks noted_for = 3'600'000 * ms;

socket_options for_host(socket_options options) {
    // Grants bound what a producer sends, and what a connection has unread bounds what it is sent. A peer
    // that lies of what it has read is held by these marks.
    options.receive_frames = 1024;
    options.send_frames = 8192;
    options.send_bytes = std::size_t{4} << 30;
    return options;
}

}  // namespace

queue_host::queue_host(context& ctx, const endpoint& at, const socket_options& options)
    : warn_(ctx.warner()),
      events_(ctx.shared_background()),
      most_frame_(options.max_message),
      router_(ctx, role::router, for_host(options)),
      bound_(router_.bind(at)) {
    router_.hand_over();
}

ticks queue_host::clock_now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(deadline::clock::now().time_since_epoch())
        .count();
}

void queue_host::begin() {
    router_.hand_over();
    end_ = events_->on_end([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_loop_end();
    });
    watch_ = events_->watch(router_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_readable();
    });
}

std::shared_ptr<hosted_queue> queue_host::add(const std::string& name, const queue_rules& rules,
                                              std::unique_ptr<queueing::disk_store> disk) {
    if (queues_.contains(name))
        throw error{errc::bind_failed, bound_.str() + " has a queue named " + name + " already"};
    if (rules.max_message + beside_message > most_frame_)
        throw error{errc::bad_option, "queue rule max_message is " + std::to_string(rules.max_message) +
                                          "; the first queue of " + bound_.str() + " leaves room for " +
                                          std::to_string(most_frame_ - beside_message) +
                                          ": open the one with the largest messages first"};
    auto* const store = disk.get();
    auto made = std::make_shared<hosted_queue>(*this, name, rules, std::move(disk));
    queues_.emplace(name, made);
    when_closed_.clear();
    if (store != nullptr) {
        store->on_result([events = events_, weak = weak_from_this(), queue = std::weak_ptr{made}] {
            events->post([weak, queue] {
                const auto host = weak.lock();
                const auto which = queue.lock();
                if (!host || !which) return;
                which->deadline = 0;
                host->on_readable();
            });
        });
    }
    set_windows(*made);
    pass_now(*made);
    return made;
}

std::uint64_t queue_host::bad_frames() const noexcept {
    std::uint64_t sum = 0;
    for (const auto n : faults_) sum += n;
    return sum;
}

std::uint64_t queue_host::most_unread() const noexcept {
    const auto each = all_unread / std::max<std::uint64_t>(sessions_.size(), 1);
    return std::clamp<std::uint64_t>(each, 4u << 20, 64u << 20);
}

bool queue_host::send_scratch(std::string_view routing, message* body) {
    outgoing_.clear();
    outgoing_.emplace_back(routing);
    outgoing_.emplace_back(scratch_.view());
    if (body != nullptr) outgoing_.push_back(std::move(*body));
    return router_.send(outgoing_, leat::deadline::now()) == leat::status::ok;
}

void queue_host::flush_later(const session_ptr& which) {
    if (std::exchange(which->to_flush, true)) return;
    to_flush_.push_back(which);
}

void queue_host::end_later(const session_ptr& which, wire::error_code code, std::string text) {
    if (which->ended) return;
    ending_.push_back({which->routing, code, std::move(text)});
}

void queue_host::touch(hosted_queue& which, ticks now) {
    if (which.is_dead()) return touch(which.main_queue(), now);
    if (std::exchange(which.in_pass, true)) return;
    which.engine().begin_pass(now);
    active_.push_back(queues_.find(which.name())->second);
    for (auto* one : {&which, which.dead().get()}) {
        if (one == nullptr) continue;
        one->recent.look(now, one->engine().counts());
        one->release_unsent();
    }
}

void queue_host::pass_now(hosted_queue& which) {
    which.main_queue().deadline = 0;
    pass_soon();
}

bool queue_host::enter(hosted_queue& which) {
    const auto at = queues_.find(which.main_queue().name());
    if (at == queues_.end() || at->second.get() != &which.main_queue()) return false;
    touch(which, clock_now());
    pass_soon();
    return true;
}

void queue_host::pass_soon() {
    if (std::exchange(soon_, true)) return;
    events_->post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->closed_) return;
        self->soon_ = false;
        self->on_readable();
    });
}

/// A pass begins with what has arrived, so that it counts before any timer.
void queue_host::on_readable() {
    if (closed_) return;
    const auto now = clock_now();
    const auto gap = now - std::exchange(passed_, now);
    const bool stood_still = gap > short_stall && !sessions_.empty();
    if (stood_still) note_stall(gap, now);
    for (int left = stood_still ? frames_after_stall : frames_a_pass; left > 0 && !closed_; --left) {
        if (puts_.size() >= puts_a_pass && !stood_still) break;
        if (router_.receive(incoming_, leat::deadline::now()) != leat::status::ok) break;
        on_message(now);
    }
    pass(now);
}

/// Section 3: a process that stood still declares nobody lost. The engines move their consumers' times.
void queue_host::note_stall(ticks gap, ticks now) {
    if (gap <= stall) return;
    for (const auto& [routing, s] : sessions_) {
        s->heard = std::min(s->heard + gap, now);
        s->need_since = std::min(s->need_since + gap, now);
    }
}

/// The rest of a pass, after what has arrived: timers, puts, hand-out, and what all that has to say to
/// clients.
void queue_host::pass(ticks now) {
    if (closed_) return;
    for (auto& [name, which] : queues_) {
        if (which->deadline <= now) touch(*which, now);
    }
    for (const auto& one : puts_) {
        if (!one->from->ended) touch(*one->from->queue, now);
    }
    bool again = false;
    for (const auto& which : active_) {
        which->has_more = !which->engine().run_timers();
        again = again || which->has_more;
    }
    if (!again) run_puts();
    for (const auto& which : active_) {
        for (auto* one : {which.get(), which->dead().get()}) {
            if (one == nullptr) continue;
            if (!one->engine().hand_out()) again = which->has_more = true;
            one->send_deliveries();
            one->tell_state();
        }
    }
    if (settled_due_ <= now) tell_settled();
    if (now - swept_ >= sweep_interval) end_silent(now);
    while (!to_flush_.empty() || !ending_.empty()) {
        for (const auto& s : std::exchange(to_flush_, {})) {
            s->to_flush = false;
            flush(*s);
        }
        for (const auto& one : std::exchange(ending_, {})) {
            const auto found = sessions_.find(one.routing);
            if (found == sessions_.end()) continue;
            const auto s = found->second;
            if (!s->unreachable) refuse(s->routing, s->number, one.code, one.text, ++s->out);
            end(s);
        }
    }
    for (const auto& which : active_) {
        which->in_pass = false;
        if (which->idle()) which->when_idle.clear();
        which->deadline = which->has_more ? 0 : which->engine().next_deadline();
    }
    active_.clear();
    if (!when_closed_.empty() && told_.empty()) return close();
    const bool takes = std::any_of(puts_.begin(), puts_.end(), [](const auto& one) {
        return one->from->ended || one->from->queue->engine().takes_puts();
    });
    if (again || takes) pass_soon();
    arm(now);
}

/// A timer for the next deadline, unless one comes sooner anyway.
void queue_host::arm(ticks now) {
    auto next = settled_due_;
    for (const auto& [name, which] : queues_) next = std::min(next, which->deadline);
    if (!sessions_.empty() || hellos_.names() + strays_.names() > 0)
        next = std::min(next, swept_ + sweep_interval);
    if (next >= armed_) return;
    if (timer_ != 0) events_->cancel(timer_);
    armed_ = next;
    const auto wait = std::chrono::nanoseconds{std::max<ticks>(next - now, 0)};
    timer_ = events_->after(wait, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->closed_) return;
        self->timer_ = 0;
        self->armed_ = queueing::never;
        self->on_readable();
    });
}

void queue_host::flush(peer_session& s) {
    if (s.ended) return;
    if (!s.verdicts.empty()) flush_verdicts(s);
    if (s.as == wire::role::producer) grant(s);
    if (!s.lost.empty()) {
        wire::lost frame;
        frame.deliveries = std::exchange(s.lost, {});
        tidy(frame.deliveries);
        send(s, frame);
    }
}

void queue_host::tell_settled() {
    settled_due_ = queueing::never;
    for (const auto& s : std::exchange(settled_, {})) {
        s->settled = false;
        if (s->ended) continue;
        wire::settled frame;
        frame.applied = s->applied;
        frame.stale = s->stale;
        frame.committed = s->settle_committed;
        frame.floor = s->queue->engine().floor();
        send(*s, frame);
    }
}

/// Sessions of producers that have said nothing for too long; the engine does the consumers'.
void queue_host::end_silent(ticks now) {
    swept_ = now;
    if (served_ && !served_->ended &&
        served_->need_since + served_->queue->engine().rules().session_timeout.count() <= now)
        ending_.push_back(
            {served_->routing, wire::error_code::session_lost, "it asked for room and has not used it"});
    serve_need();
    hellos_.sweep(now);
    strays_.sweep(now);
    std::erase_if(left_unread_, [&](const auto& one) { return one.second.since + noted_for < now; });
    for (const auto& [routing, s] : sessions_) {
        if (s->as == wire::role::consumer) continue;
        if (s->heard + s->queue->engine().rules().session_timeout.count() > now) continue;
        ending_.push_back({routing, wire::error_code::session_lost, "not heard of in time"});
    }
}

/// The connection's session is over. A consumer's deliveries stay its own until it resumes, or is lost (W6).
void queue_host::end(const session_ptr& s) {
    if (std::exchange(s->ended, true)) return;
    if (served_ == s) served_.reset();  // the next one is served with the next sweep
    auto& q = *s->queue;
    if (s->as == wire::role::producer && s->handle != queueing::none) {
        q.engine().producer_gone(s->handle);
        q.producers.erase(s->handle);
        set_windows(q);
    } else if (s->as == wire::role::consumer && s->handle != queueing::none) {
        q.consumers.erase(s->handle);
    }
    if (s->unread.bytes() > worth_noting && left_unread_.size() < most_noted)
        left_unread_[s->routing] = {s->unread, swept_};
    sessions_.erase(s->routing);
}

/// The session before that a client has a new one of; the engine has ended it already.
void queue_host::end_older(const hosted_queue::sessions& all, std::uint32_t handle) {
    const auto old = all.find(handle);
    if (old == all.end()) return;
    const auto before = old->second;
    before->handle = queueing::none;
    refuse(before->routing, before->number, wire::error_code::session_lost, "it has a new session");
    end(before);
}

bool queue_host::refuse(std::string_view routing, std::uint64_t session, wire::error_code code,
                        std::string text, std::uint64_t counter) {
    wire::error frame;
    frame.at.session = session;
    frame.at.counter = counter;
    frame.code = static_cast<std::uint8_t>(code);
    frame.text = std::move(text);
    scratch_.clear();
    wire::write(frame, scratch_);
    return send_scratch(routing, nullptr);
}

void queue_host::fail(const session_ptr& s, fault why, wire::error_code code, std::string text) {
    count(why);
    if (s->ended) return;
    refuse(s->routing, s->number, code, std::move(text), ++s->out);
    end(s);
}

}  // namespace leat::detail

#include <leat/queue/detail/queue_host.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/head.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace leat::detail {
namespace {

using namespace std::chrono_literals;
using queueing::ticks;

constexpr int frames_a_pass = 256;
constexpr std::size_t puts_a_pass = 64;
constexpr ticks ms = 1'000'000;
constexpr ticks sweep_interval = 100 * ms;
constexpr std::size_t worth_sharing = 4096;

socket_options for_host(socket_options options) {
    // Grants bound what a producer sends, and credit what a consumer is sent. A peer that keeps to neither is
    // held by these marks.
    options.receive_frames = 1024;
    options.send_frames = 8192;
    options.send_bytes = std::size_t{1} << 30;
    return options;
}

}  // namespace

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

queue_host::queue_host(context& ctx, const endpoint& at, const socket_options& options)
    : warn_(ctx.warner()),
      events_(ctx.shared_background()),
      router_(ctx, role::router, for_host(options)),
      bound_(router_.bind(at)) {
    router_.hand_over();
}

ticks queue_host::clock_now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(deadline::clock::now().time_since_epoch())
        .count();
}

void queue_host::begin() {
    struct anchor {
        explicit anchor(std::weak_ptr<queue_host> h) : host(std::move(h)) {}
        ~anchor() {
            if (const auto self = host.lock()) self->on_loop_end();
        }
        anchor(const anchor&) = delete;
        anchor& operator=(const anchor&) = delete;
        std::weak_ptr<queue_host> host;
    };
    router_.hand_over();
    anchor_ = events_->every(std::chrono::hours{24}, [end = std::make_shared<anchor>(weak_from_this())] {});
    watch_ = events_->watch(router_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_readable();
    });
}

std::shared_ptr<hosted_queue> queue_host::add(const std::string& name, const queue_rules& rules) {
    if (queues_.contains(name))
        throw error{errc::bind_failed, bound_.str() + " has a queue named " + name + " already"};
    auto made = std::make_shared<hosted_queue>(*this, name, rules);
    queues_.emplace(name, made);
    set_windows(*made);
    pass_now(*made);
    return made;
}

void queue_host::remove(const std::shared_ptr<hosted_queue>& which) {
    std::vector<session_ptr> theirs;
    for (const auto& [routing, s] : sessions_) {
        if (s->queue == which) theirs.push_back(s);
    }
    for (const auto& s : theirs) {
        refuse(s->routing, s->number, wire::error_code::no_queue, "the queue is closed", ++s->out);
        end(s);
    }
    std::erase(active_, which);
    queues_.erase(which->name());
    if (!queues_.empty() || closed_) return;
    closed_ = true;
    for (const auto one : {watch_, timer_, anchor_}) events_->cancel(one);
    router_.close();
}

std::uint64_t queue_host::bad_frames() const noexcept {
    std::uint64_t sum = 0;
    for (const auto n : faults_) sum += n;
    return sum;
}

void queue_host::on_loop_end() {
    if (closed_) return;
    closed_ = true;
    puts_.clear();
    sessions_.clear();
    for (const auto& [name, which] : queues_) {  // which hold on to each other
        which->producers.clear();
        which->consumers.clear();
        which->when_idle.reset();
    }
    router_.hand_over();
    router_.close();
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
    if (std::exchange(which.in_pass, true)) return;
    which.engine().begin_pass(now);
    which.release_unsent();
    active_.push_back(queues_.find(which.name())->second);
}

void queue_host::pass_now(hosted_queue& which) {
    which.deadline = 0;
    pass_soon();
}

void queue_host::pass_soon() {
    if (std::exchange(soon_, true)) return;
    events_->post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->closed_) return;
        self->soon_ = false;
        self->pass(clock_now());
    });
}

void queue_host::on_readable() {
    if (closed_) return;
    const auto now = clock_now();
    for (int left = frames_a_pass; left > 0 && puts_.size() < puts_a_pass && !closed_; --left) {
        if (router_.receive(incoming_, leat::deadline::now()) != leat::status::ok) break;
        on_message(now);
    }
    pass(now);
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
    bool again = false, in_time = true;
    for (const auto& which : active_) {
        const bool done = which->engine().run_timers();
        again = again || !done;
        in_time = in_time && done;
    }
    if (in_time) run_puts();
    for (const auto& which : active_) {
        again = !which->engine().hand_out() || again;
        which->send_deliveries();
    }
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
        if (which->when_idle && which->engine().depth().in_flight == 0) which->when_idle.reset();
        which->deadline = which->engine().next_deadline();
    }
    active_.clear();
    if (again || !puts_.empty()) pass_soon();
    arm(now);
}

/// A timer for the next deadline, unless one comes sooner anyway.
void queue_host::arm(ticks now) {
    auto next = queueing::never;
    for (const auto& [name, which] : queues_) next = std::min(next, which->deadline);
    if (!sessions_.empty()) next = std::min(next, swept_ + sweep_interval);
    if (next >= armed_) return;
    if (timer_ != 0) events_->cancel(timer_);
    armed_ = next;
    const auto wait = std::chrono::nanoseconds{std::max<ticks>(next - now, 0)};
    timer_ = events_->after(wait, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->closed_) return;
        self->timer_ = 0;
        self->armed_ = queueing::never;
        self->pass(clock_now());
    });
}

void queue_host::run_puts() {
    for (auto& one : puts_) {
        run_put(*one);
        one->from.reset();
        one->header = message{};
        one->body = message{};
        one->bye = false;
        if (spare_puts_.size() < puts_a_pass) spare_puts_.push_back(std::move(one));
    }
    puts_.clear();
}

void queue_host::run_put(pending_put& one) {
    auto& s = *one.from;
    if (s.ended) return;
    auto& engine = s.queue->engine();
    if (one.bye) {
        engine.producer_bye(s.handle);
        s.queue->producers.erase(s.handle);
        s.handle = queueing::none;
        end(one.from);
        return;
    }
    const auto& rules = engine.rules();
    const auto& frame = one.frame;
    const auto body = one.body.view();
    items_.assign(frame.sizes.size(), {});
    std::size_t at = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        items_[i].body = body.subspan(at, frame.sizes[i]);
        at += frame.sizes[i];
    }
    const auto time = [](std::uint64_t n) { return static_cast<ticks>(std::min(n, longest_ms)) * ms; };
    for (const auto& special : frame.special) {
        auto& item = items_[special.index];
        item.head = std::as_bytes(std::span{special.head.ptr, special.head.size});
        auto& how = attributes_;
        bool good = wire::read(item.head, how) && how.headers.size() <= rules.max_headers;
        std::size_t header_bytes = 0;
        if (good) {
            for (const auto& [name, value] : how.headers) header_bytes += name.size() + value.size();
        }
        if (!good || header_bytes > rules.max_header_bytes) {
            item.fault = put_refusal::bad_message;
            continue;
        }
        item.key = how.key;
        item.id = how.id;
        item.priority = how.priority.value_or(4);
        if (how.ttl) item.ttl = time(*how.ttl) - time(special.waited);
        if (how.delay) item.delay = time(*how.delay);
        if (how.at) item.at = time(*how.at);
    }
    const auto how = engine.put(s.handle, frame.first, frame.floor, items_, &one.body);
    if (how == queueing::put_status::out_of_sequence)
        fail(one.from, fault::out_of_sequence, wire::error_code::out_of_sequence, "a put was left out");
    if (how == queueing::put_status::too_many_refused)
        fail(one.from, fault::refused, wire::error_code::bad_frame, "too many refused puts above the floor");
    flush_later(one.from);
}

void queue_host::flush(peer_session& s) {
    if (s.ended) return;
    if (!s.verdicts.empty()) flush_verdicts(s);
    if (s.as == wire::role::producer) grant(s);
    if (std::exchange(s.settled, false)) {
        wire::settled frame;
        frame.applied = s.applied;
        frame.stale = s.stale;
        frame.committed = s.settle_counter;
        send(s, frame);
    }
}

/// As few frames as keep the verdicts in the order of the puts (I13).
void queue_host::flush_verdicts(peer_session& s) {
    confirm_.stored.clear();
    confirm_.duplicate.clear();
    refuse_.puts.clear();
    const auto send_confirm = [&] {
        if (confirm_.stored.empty() && confirm_.duplicate.empty()) return;
        send(s, confirm_);
        confirm_.stored.clear();
        confirm_.duplicate.clear();
    };
    const auto send_refuse = [&] {
        if (refuse_.puts.empty()) return;
        send(s, refuse_);
        refuse_.puts.clear();
    };
    for (const auto& v : s.verdicts) {
        if (v.what == verdict::refused) {
            send_confirm();
            refuse_.puts.push_back(
                {v.first, v.last, static_cast<std::uint8_t>(v.why), std::string{to_string(v.why)}});
            if (refuse_.puts.size() >= 1000) send_refuse();
            continue;
        }
        send_refuse();
        (v.what == verdict::stored ? confirm_.stored : confirm_.duplicate).push_back({v.first, v.last});
        if (confirm_.stored.size() + confirm_.duplicate.size() >= 4000) send_confirm();
    }
    send_confirm();
    send_refuse();
    s.verdicts.clear();
}

/// L6: renewed when half of the window is used, and not while puts of it wait for room.
void queue_host::grant(peer_session& s) {
    if (s.parked || s.ended) return;
    const auto to = s.received + s.queue->window;
    if (to < s.granted + s.queue->window / 2) return;
    s.granted = to;
    wire::grant frame;
    frame.bytes = to;
    send(s, frame);
}

void queue_host::set_windows(hosted_queue& of) {
    const auto producers = std::max<std::size_t>(of.producers.size(), 1);
    of.window = std::clamp<std::uint64_t>(of.engine().rules().ingress_bytes / producers, 16u << 10, 1u << 20);
}

/// Sessions of producers that have said nothing for too long; the engine does the consumers'.
void queue_host::end_silent(ticks now) {
    swept_ = now;
    for (const auto& [routing, s] : sessions_) {
        if (s->as == wire::role::consumer) continue;
        if (s->heard + s->queue->engine().rules().session_timeout.count() > now) continue;
        ending_.push_back({routing, wire::error_code::session_lost, "not heard of in time"});
    }
}

/// The connection's session is over. A consumer's deliveries stay its own until it resumes, or is lost (W6).
void queue_host::end(const session_ptr& s) {
    if (std::exchange(s->ended, true)) return;
    auto& q = *s->queue;
    if (s->as == wire::role::producer && s->handle != queueing::none) {
        q.engine().producer_gone(s->handle);
        q.producers.erase(s->handle);
        set_windows(q);
    } else if (s->as == wire::role::consumer && s->handle != queueing::none) {
        q.consumers.erase(s->handle);
    }
    sessions_.erase(s->routing);
}

void queue_host::refuse(std::string_view routing, std::uint64_t session, wire::error_code code,
                        std::string text, std::uint64_t counter) {
    wire::error frame;
    frame.at.session = session;
    frame.at.counter = counter;
    frame.code = static_cast<std::uint8_t>(code);
    frame.text = std::move(text);
    scratch_.clear();
    wire::write(frame, scratch_);
    send_scratch(routing, nullptr);
}

void queue_host::fail(const session_ptr& s, fault why, wire::error_code code, std::string text) {
    count(why);
    if (s->ended) return;
    refuse(s->routing, s->number, code, std::move(text), ++s->out);
    end(s);
}

}  // namespace leat::detail

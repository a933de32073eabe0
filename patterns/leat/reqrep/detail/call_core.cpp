#include <leat/reqrep/detail/call_core.hpp>

#include <leat/detail/wait.hpp>
#include <leat/error.hpp>

#include <algorithm>
#include <random>

namespace leat::detail {
namespace {

constexpr auto never = open_call::time::max();

/// A server that cannot be sent to although it is connected is tried again after so long.
constexpr std::chrono::milliseconds try_again{10};

/// Until the servers of a ROUTER that has lost a connection are asked for again; doubles each time.
constexpr std::chrono::milliseconds probe_pause{5};

std::uint32_t random_session() {
    std::random_device random;
    return std::max<std::uint32_t>(random(), 1);
}

}  // namespace

call_core::call_core(context& ctx, request_options options)
    : options_((options.check(), std::move(options))),
      session_(random_session()),
      events_(ctx.background()),
      servers_(ctx, options_) {}

call_core::~call_core() = default;

void call_core::begin() {
    for (auto& link : servers_.links()) {
        // The news comes under the context's locks, so it is looked at later.
        link.s.peers().on_event([weak = weak_from_this(), events = &events_] {
            events->post([weak] {
                const auto self = weak.lock();
                if (!self) return;
                lock held{self->mutex_};
                self->look();
                self->leave(held);
            });
        });
    }
    end_ = events_.on_end([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_loop_end();
    });
    events_.post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        lock held{self->mutex_};
        self->loop_thread_ = std::this_thread::get_id();
        self->look();
        self->leave(held);
    });
    if (options_.stop.stop_possible()) {
        on_stop_.emplace(options_.stop, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->close(call_status::cancelled);
        });
    }
}

bool call_core::open(index& which, call_kind kind, std::string_view method, message&& body, deadline until,
                     const call_options& how, answer<bytes>& refused) {
    if (how.hedge_after.count() > 0 && !how.idempotent)
        throw error{errc::bad_option, "hedge_after asks two servers, so the call has to say idempotent"};
    if (how.retry.attempts < 1 || how.retry.attempts > 100)
        throw error{errc::bad_option,
                    "retry.attempts is " + std::to_string(how.retry.attempts) + "; allowed are 1 to 100"};
    if (method.size() > longest_method)
        throw error{errc::bad_option,
                    "a method's name has at most 255 bytes; this one has " + std::to_string(method.size())};
    if (closed_ || calls_.size() >= options_.max_in_flight || how.stop.stop_requested()) {
        const auto ended = closed_                     ? closed_as_
                           : how.stop.stop_requested() ? call_status::cancelled
                                                       : call_status::busy;
        counts_.ended[static_cast<std::size_t>(ended)].add();
        refused = ended;
        return false;
    }
    which = calls_.open();
    auto& call = calls_[which];
    call.kind = kind;
    call.until = until.is_now() ? deadline::clock::now() : until.at();
    call.retry_at = never;
    call.hedge_at = how.hedge_after.count() > 0 ? deadline::clock::now() + how.hedge_after : never;
    call.idempotent = how.idempotent;
    call.retry = how.retry;
    call.body = std::move(body);
    call.method.assign(method);
    call.attempts = {};
    call.tries = 0;
    call.avoid = -1;
    call.refused = call_status::no_server;
    return true;
}

void call_core::set_timer(index which) {
    auto& call = calls_[which];
    if (!call.open) return;
    auto next = std::min({call.until, call.retry_at, call.hedge_at});
    if (call.placed()) {
        if (options_.heartbeat.count() > 0 && !options_.plain)
            next = std::min(next, call.heard + heartbeats_to_loss * options_.heartbeat);
    } else if (call.retry_at == never && std::any_of(servers_.all().begin(), servers_.all().end(),
                                                     [](auto& one) { return one.there; })) {
        next = std::min(next, deadline::clock::now() + try_again);
    }
    calls_.wake_at(which, next);
    wake_reader(next);
}

void call_core::finish(index which, answer<bytes>&& how) {
    auto& call = calls_[which];
    for (auto& one : call.attempts) end_attempt(which, one, true);
    counts_.ended[static_cast<std::size_t>(how.why())].add();
    if (auto* waiter = call.waiter) {
        waiter->result = std::move(how);
        waiter->done = true;
        if (waiter == leader_) {
            wake_reader(time::min());
        } else if (waiter->changed) {
            waiter->changed->notify_one();
        }
    } else {
        --unattended_;
        auto& to = call.done->anywhere() ? ready_ : finished_;
        to.push_back({std::move(call.done), std::move(how)});
    }
    calls_.close(which);
}

void call_core::run_due() {
    if (calls_.size() == 0) return;
    const auto now = deadline::clock::now();
    if (calls_.first_time() > now) return;
    read_before_ends();
    // Each call is looked at once: what sets itself due again waits for the next turn.
    for (auto left = calls_.size(); left > 0 && calls_.first_time() <= now; --left) {
        const auto which = calls_.first();
        auto& call = calls_[which];
        const auto lost_at = call.heard + heartbeats_to_loss * options_.heartbeat;
        if (call.until <= now) {
            if (call.placed())
                finish(which, call_status::timed_out);
            else
                finish(which, std::move(call.refused));
        } else if (call.placed() && !options_.plain && options_.heartbeat.count() > 0 && lost_at <= now) {
            // One sign of life counts for both servers of a hedged call; silence is that of both.
            if (call.attempts[0].active() && call.attempts[1].active())
                end_attempt(which, call.attempts[1], true);
            lose(which, call.attempts[0].active() ? call.attempts[0] : call.attempts[1]);
        } else if (call.hedge_at <= now) {
            call.hedge_at = never;
            if (call.placed() && call.tries < 100)
                place(which, true);
            else
                set_timer(which);
        } else if (!call.placed()) {
            place(which);
        } else {
            set_timer(which);
        }
    }
}

/// Takes note of connections made and broken.
void call_core::look() {
    if (closed_ || looking_) return;
    looking_ = true;
    auto& links = servers_.links();
    bool come = false;
    for (std::size_t l = 0; l < links.size(); ++l) {
        const auto broken = links[l].disconnects();
        const bool any_broken = broken != links[l].seen_disconnects;
        links[l].seen_disconnects = broken;
        // What the server has said before it went counts.
        if (any_broken) read_all(l);
        if (closed_) break;
        if (links[l].routes) {
            if (any_broken) {
                probe(l);
                probe_again(l, probe_pause);
            }
            forget_silent(l);
            continue;
        }
        auto& server = servers_.all()[l];  // a DEALER has one
        const bool was_there = server.there;
        server.there = links[l].connected();
        come = come || (server.there && (!was_there || any_broken));
        if (any_broken) {
            const bool there = std::exchange(server.there, false);
            lose_all_of(l);
            server.there = there && !closed_;
        }
        if (was_there != server.there) servers_changed_.notify_all();
    }
    looking_ = false;
    if (come && !closed_) place_waiting();
}

void call_core::end_all(call_status how) {
    if (closed_) return;
    closed_ = true;
    closed_as_ = how;
    for (auto& one : servers_.all()) {
        one.there = one.there && how == call_status::cancelled;
        one.gathered.clear();
        one.gathered_calls.clear();
    }
    for (index i = 0; i < calls_.slots(); ++i) {
        if (calls_[i].open) finish(i, how);
    }
    servers_changed_.notify_all();
}

status call_core::wait_ready(std::size_t wanted, deadline until) {
    lock held{mutex_};
    const auto there = [&] {
        look();
        const auto count =
            std::count_if(servers_.all().begin(), servers_.all().end(), [](auto& one) { return one.there; });
        return closed_ || static_cast<std::size_t>(count) >= wanted;
    };
    const bool in_time = detail::wait(servers_changed_, held, until, there);
    const auto how = !in_time ? status::timeout : closed_ ? status::closed : status::ok;
    leave(held);
    return how;
}

std::size_t call_core::in_flight() {
    const lock held{mutex_};
    return calls_.size();
}

std::size_t call_core::servers() {
    const lock held{mutex_};
    return static_cast<std::size_t>(
        std::count_if(servers_.all().begin(), servers_.all().end(), [](auto& one) { return one.there; }));
}

}  // namespace leat::detail

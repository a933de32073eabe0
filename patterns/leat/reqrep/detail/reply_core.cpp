#include <leat/reqrep/detail/reply_core.hpp>

#include <leat/detail/wait.hpp>
#include <leat/error.hpp>

#include <poll.h>
#include <zmq.h>

#include <algorithm>
#include <array>

namespace leat::detail {
namespace {

socket_options socket_options_of(const reply_options& o) {
    auto socket = o.socket;
    socket.monitor = true;
    constexpr int marks = 16'384;  // frames: about 4,000 requests or answers of one peer
    if (!socket.send_frames) socket.send_frames = marks;
    if (!socket.receive_frames) socket.receive_frames = marks;
    return socket;
}

}  // namespace

reply_core::reply_core(context& ctx, reply_options options, handler run)
    : options_((options.check(), std::move(options))),
      run_(std::move(run)),
      events_(ctx.background()),
      warn_(ctx.warner()),
      router_(ctx, role::router, socket_options_of(options_)),
      zmq_(router_.handle()),
      fd_(router_.event_fd()),
      requests_(options_.max_open) {
    for (const auto& at : options_.bind) bound_.push_back(router_.bind(at));
    for (const auto& to : options_.connect) router_.connect(to);
    for (const auto& to : options_.join) {
        // A name for the requester, so that it can be spoken to first.
        const auto name = "leat-requester-" + std::to_string(joined_.size());
        zmq_setsockopt(zmq_, ZMQ_CONNECT_ROUTING_ID, name.data(), name.size());
        router_.connect(to);
        joined_.emplace_back(std::string_view{name});
    }
    router_.hand_over();
}

reply_core::~reply_core() = default;

void reply_core::begin() {
    begin_on_loop();
    if (!joined_.empty()) {
        // A requester that is there, or is back, is told at once.
        router_.peers().on_event([weak = weak_from_this(), events = &events_] {
            events->post([weak] {
                if (const auto self = weak.lock()) self->announce_later();
            });
        });
    }
    const lock held{mutex_};
    for (unsigned i = 0; i < options_.workers; ++i) {
        ++workers_left_;
        threads_.emplace_back([self = shared_from_this()] { self->work(); });
    }
}

void reply_core::work() {
    lock held{mutex_};
    while (!ended_) {
        if (requests_.waiting() > 0) {
            run_next(held);
        } else if (!gathered_.empty()) {
            send_gathered();
            read_after_send();
        } else if (!leading_) {
            lead(held);
        } else {
            ++idle_count_;
            idle_.wait(held, [&] { return ended_ || requests_.waiting() > 0 || !leading_; });
            --idle_count_;
        }
    }
    request_stops(held);
    --workers_left_;
    drained_.notify_all();
    idle_.notify_all();
}

/// Reads until there is a request, or waits for the socket once.
void reply_core::lead(lock& held) {
    leading_ = true;
    constexpr int turn = 256;
    if (!read(turn, true) && requests_.waiting() == 0 && !ended_) {
        std::array<pollfd, 2> ready{{{fd_, POLLIN, 0}, {wake_leader_.fd(), POLLIN, 0}}};
        polling_ = true;
        held.unlock();
        ::poll(ready.data(), ready.size(), -1);
        held.lock();
        polling_ = false;
        if (ready[1].revents != 0) wake_leader_.lower();
    }
    mutex_.end_turn();
    leading_ = false;
    if (to_stop_.empty()) return;
    if (idle_count_ > 0) idle_.notify_one();
    request_stops(held);
}

/// Takes the oldest request that waits, leaves the lead to others, and handles it.
void reply_core::run_next(lock& held) {
    const auto which = requests_.first_waiting();
    auto& request = requests_[which];
    const auto now = deadline::clock::now();
    if (request.until <= now) {
        refuse_late(which);
        return read_after_send();
    }
    running_here = {this, now};
    requests_.end_wait(which);
    const auto ticket = requests_.ticket(which);
    bytes body = std::move(request.body);
    const std::string method = request.method;
    if (idle_count_ > 0 && (!leading_ || requests_.waiting() > 0)) idle_.notify_one();
    held.unlock();
    handle(ticket, method, std::move(body));
    running_here = {};
    held.lock();
    ++handled_;
}

void reply_core::handle(std::uint64_t ticket, const std::string& method, bytes&& body) {
    open_request of{shared_from_this(), ticket};
    try {
        run_(method, std::move(body), std::move(of));
    } catch (const reply_error& meant) {
        answer(ticket, call_kind::error, write_failure(meant.code(), meant.what()));
    } catch (...) {
        answer(ticket, call_kind::error,
               write_failure(static_cast<std::int32_t>(reply_code::internal), "internal error"));
        tell_thrown(method, std::current_exception());
    }
}

void reply_core::tell_thrown(const std::string& method, std::exception_ptr thrown) {
    std::string who = "a handler" + (method.empty() ? std::string{} : " of " + method);
    if (options_.on_error) {
        try {
            return options_.on_error(method, thrown);
        } catch (...) {
            who = "on_error";
            thrown = std::current_exception();
        }
    }
    std::string what = "something that is no std::exception";
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& one) {
        what = one.what();
    } catch (...) {
    }
    warn_(who + " threw: " + what);
}

/// Somebody without work is to look: a request waits.
void reply_core::wake_worker() {
    if (idle_count_ > 0) {
        idle_.notify_one();
    } else if (polling_) {
        wake_leader_.raise();
    }
}

/// ZMQ_FD told whoever sent of what had come, and does not tell the leader again.
void reply_core::read_after_send() {
    constexpr int turn = 256;
    if (leading_ && !ended_ && read(turn, false) && polling_) wake_leader_.raise();
}

/// Lets go of the mutex after something was sent.
void reply_core::leave(lock& held) {
    read_after_send();
    if (requests_.waiting() > 0) wake_worker();
    request_stops(held);
    held.unlock();
}

/// What waits for the tokens runs without the mutex.
void reply_core::request_stops(lock& held) {
    while (!to_stop_.empty()) {
        const auto stops = std::exchange(to_stop_, {});
        held.unlock();
        for (const auto& one : stops) one->request_stop();
        held.lock();
    }
}

/// Nobody wants its answer any more.
void reply_core::give_up(index which) {
    auto& request = requests_[which];
    if (request.stop) to_stop_.push_back(std::move(request.stop));
    request.cancelled = true;
    if (request.waits) requests_.close(which);
    if (stopping_) drained_.notify_all();
}

std::optional<std::chrono::nanoseconds> reply_core::remaining(std::uint64_t ticket) {
    const lock held{mutex_};
    const auto* request = requests_.of(ticket);
    if (request == nullptr) return std::chrono::nanoseconds{0};
    if (request->until == time::max()) return std::nullopt;
    return std::max<std::chrono::nanoseconds>(request->until - deadline::clock::now(), {});
}

bool reply_core::cancelled(std::uint64_t ticket) {
    const lock held{mutex_};
    const auto* request = requests_.of(ticket);
    return request == nullptr || request->cancelled;
}

std::stop_token reply_core::stop_token(std::uint64_t ticket) {
    const lock held{mutex_};
    auto* request = requests_.of(ticket);
    if (request == nullptr || request->cancelled) {
        std::stop_source stopped;
        stopped.request_stop();
        return stopped.get_token();
    }
    if (!request->stop) request->stop = std::make_unique<std::stop_source>();
    return request->stop->get_token();
}

std::size_t reply_core::open_requests() {
    const lock held{mutex_};
    return requests_.open_count();
}

/// Nothing more is read or sent.
void reply_core::end() {
    ended_ = true;
    left_unanswered_ = left_unanswered_ || owes_answers();
    for (index i = 0; i < requests_.slots(); ++i) {
        if (requests_[i].open) give_up(i);
    }
    gathered_.clear();
    zmq_ = nullptr;
    if (!watching_) router_.close();
    idle_.notify_all();
    drained_.notify_all();
    wake_leader_.raise();
}

/// Requests that their callers still wait for.
bool reply_core::owes_answers() {
    for (index i = 0; i < requests_.slots(); ++i) {
        if (requests_[i].open && !requests_[i].cancelled) return true;
    }
    return false;
}

bool reply_core::stop(deadline until) {
    lock held{mutex_};
    if (std::exchange(stopping_, true)) {
        if (running_here.of == this) return false;  // the first one waits for this very handler
        detail::wait(drained_, held, until, [&] { return stopped_; });
        return stopped_ && stopped_clean_;
    }
    stopped_clean_ = finish_stop(held, until);
    stopped_ = true;
    drained_.notify_all();
    return stopped_clean_;
}

bool reply_core::finish_stop(lock& held, deadline until) {
    if (!ended_) {
        send_gathered();
        announce(call_kind::bye);
    }
    while (requests_.waiting() > 0)
        finish(requests_.first_waiting(), reply_code::stopping, "the server is stopping");
    detail::wait(drained_, held, until, [&] { return ended_ || !owes_answers(); });
    const bool clean = !left_unanswered_ && !owes_answers();
    for (index i = 0; i < requests_.slots() && !ended_; ++i) {
        auto& one = requests_[i];
        if (!one.open) continue;
        if (one.stop) to_stop_.push_back(std::move(one.stop));
        if (one.cancelled)
            requests_.close(i);
        else
            finish(i, reply_code::not_answered, "the server has stopped before it was answered");
    }
    request_stops(held);
    // libzmq drops what a requester has not read yet when its connection ends: the last answers get a moment.
    constexpr std::chrono::milliseconds moment{50};
    drained_.wait_until(held, last_answer_ + moment, [&] { return ended_; });
    end();
    // The workers see that at once, but for those in a handler: those may have the rest of the time, and if
    // there is none, as long as it takes to see their stop token.
    constexpr std::chrono::milliseconds to_return{500};
    const auto all_returned = [&] { return workers_left_ == 0; };
    detail::wait(drained_, held, until, all_returned);
    const bool all_back = drained_.wait_for(held, to_return, all_returned);
    auto threads = std::move(threads_);
    threads_.clear();
    held.unlock();
    for (auto& one : threads) {
        if (one.get_id() == std::this_thread::get_id() || !all_back)
            one.detach();
        else
            one.join();
    }
    if (!all_back) warn_("a replier's handler had not returned when its time to stop was up");
    events_.post([self = shared_from_this()] { self->retire(); });
    held.lock();
    return clean && all_back;
}

}  // namespace leat::detail

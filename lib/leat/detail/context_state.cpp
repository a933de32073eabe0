#include <leat/detail/context_state.hpp>

#include <leat/detail/wait.hpp>
#include <leat/error.hpp>

#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>

namespace leat::detail {
namespace {

context_options checked(context_options options) {
    const auto refuse = [](const std::string& text) {
        throw error{errc::bad_option, "context option " + text};
    };
    if (options.io_threads < 1 || options.io_threads > 64) {
        refuse("io_threads is " + std::to_string(options.io_threads) + "; allowed are 1 to 64");
    }
    if (options.max_sockets < 8 || options.max_sockets > 65535) {
        refuse("max_sockets is " + std::to_string(options.max_sockets) + "; allowed are 8 to 65535");
    }
    if (options.close_deadline < std::chrono::milliseconds{0}) refuse("close_deadline is negative");
    if (!options.on_warning) {
        options.on_warning = [](const std::string& text) {
            std::fprintf(stderr, "leat: %s\n", text.c_str());
        };
    }
    return options;
}

}  // namespace

context_state::context_state(context_options options)
    : options_(checked(std::move(options))), zmq_(zmq_ctx_new()) {
    if (zmq_ == nullptr)
        throw error{errc::no_resources,
                    "cannot make a ZeroMQ context: " + std::string{zmq_strerror(zmq_errno())}};
    zmq_ctx_set(zmq_, ZMQ_IO_THREADS, options_.io_threads);
    zmq_ctx_set(zmq_, ZMQ_MAX_SOCKETS, options_.max_sockets);
}

context_state::~context_state() = default;

void context_state::warn(const std::string& text) const {
    options_.on_warning(text);
}

std::shared_ptr<socket_record> context_state::add(std::string role) {
    auto record = std::make_shared<socket_record>();
    record->role = std::move(role);
    const std::lock_guard lock{mutex_};
    if (closing_) throw error{errc::closed, record->role + " socket: its context is closed"};
    forget_ended();
    records_.push_back(record);
    return record;
}

// Of a closed socket only its losses are of interest; of very many, only their sum.
void context_state::forget_ended() {
    constexpr std::size_t most_named = 1000;
    records_.remove_if([&](const auto& one) {
        if (one->open || one->meter->pending() > 0) return false;
        if (one->meter->expired() > 0 && records_.size() <= most_named) return false;
        lost_earlier_ += one->meter->expired();
        return true;
    });
}

void context_state::remove(const record_ptr& record) {
    const std::lock_guard lock{mutex_};
    leave_inproc(record);
    record->open = false;
    changed_.notify_all();
}

void context_state::close(const closed_socket& socket) {
    std::shared_ptr<background_thread> running;
    {
        const std::lock_guard lock{mutex_};
        running = background_;
    }
    if (!running || !parting_->add(socket, running->events)) close_now(socket);
}

void context_state::note_endpoint(socket_record& record, const std::string& text, bool added) {
    const std::lock_guard lock{mutex_};
    if (added) {
        record.endpoints.push_back(text);
    } else {
        std::erase(record.endpoints, text);
    }
}

// inproc: one socket has the name, others connect to it before or after, and all part when the one that has
// it closes.

context_state::inproc_name& context_state::inproc(const std::string& name) {
    for (auto& entry : inproc_) {
        if (entry.name == name && (entry.taken || !entry.binder)) return entry;
    }
    return inproc_.emplace_back(inproc_name{name, nullptr, {}, false});
}

void context_state::inproc_bound(const record_ptr& record, const std::string& name) {
    const std::lock_guard lock{mutex_};
    auto& entry = inproc(name);
    entry.binder = record;
    entry.taken = true;
    for (const auto& peer : entry.connectors) {
        record->peers->on_inproc(true, name);
        peer->peers->on_inproc(true, name);
    }
}

void context_state::inproc_connected(const record_ptr& record, const std::string& name) {
    const std::lock_guard lock{mutex_};
    auto& entry = inproc(name);
    entry.connectors.push_back(record);
    if (!entry.binder) return;
    record->peers->on_inproc(true, name);
    entry.binder->peers->on_inproc(true, name);
}

void context_state::inproc_unbound(const record_ptr& record, const std::string& name) {
    const std::lock_guard lock{mutex_};
    for (auto& entry : inproc_) {
        if (entry.name == name && entry.binder == record) entry.taken = false;
    }
}

void context_state::inproc_disconnected(const record_ptr& record, const std::string& name) {
    const std::lock_guard lock{mutex_};
    for (auto& entry : inproc_) {
        if (entry.name != name) continue;
        const auto left = std::erase(entry.connectors, record);
        for (std::size_t i = 0; entry.binder && i < left; ++i) {
            entry.binder->peers->on_inproc(false, name);
            record->peers->on_inproc(false, name);
        }
    }
}

void context_state::leave_inproc(const record_ptr& record) {
    for (auto at = inproc_.begin(); at != inproc_.end();) {
        if (at->binder == record) {
            for (const auto& peer : at->connectors) peer->peers->on_inproc(false, at->name);
            at = inproc_.erase(at);
            continue;
        }
        const auto left = std::erase(at->connectors, record);
        for (std::size_t i = 0; at->binder && i < left; ++i) at->binder->peers->on_inproc(false, at->name);
        at = !at->binder && at->connectors.empty() ? inproc_.erase(at) : std::next(at);
    }
}

std::shared_ptr<loop> context_state::shared_background() {
    const std::lock_guard lock{mutex_};
    if (closing_) throw error{errc::closed, "the context is closed"};
    if (!background_) {
        background_ = std::make_shared<background_thread>();
        background_->thread = std::thread{[own = background_, warn = options_.on_warning] {
            for (bool running = true; running;) {
                try {
                    own->events.run(own->stop.get_token());
                    running = false;
                } catch (const std::exception& failure) {
                    warn(std::string{"on the context's loop: "} + failure.what());
                }
            }
            own->events.clear();
            own->ended = true;
        }};
    }
    return {background_, &background_->events};
}

std::shared_ptr<void> context_state::attached(std::type_index what, std::shared_ptr<void> (*make)()) {
    const std::lock_guard lock{mutex_};
    auto& one = attached_[what];
    if (!one) one = make();
    return one;
}

close_report context_state::close(deadline until) {
    std::unique_lock lock{mutex_};
    if (closing_) {
        changed_.wait(lock, [&] { return ended_; });
        return report_;
    }
    closing_ = true;
    lock.unlock();

    // Blocked calls return now; what was accepted still goes out, for as long as its linger lasts.
    zmq_ctx_shutdown(zmq_);
    stop_background(until);

    lock.lock();
    const bool all_closed = wait_until_closed(lock, until);
    lock.unlock();
    parting_->finish(until);

    // Termination waits for sockets that are still open: for those, it runs on after this returns.
    const bool terminated = terminate(all_closed ? until : deadline::now());
    auto done = report(terminated);
    for (const auto& one : done.leftovers) {
        const auto unsent = std::to_string(one.messages) +
                            (one.messages == 1 ? " message was" : " messages were") +
                            " accepted and not handed to a peer";
        warn(one.socket + (one.open ? " is still open at the end of its context; " : ": ") + unsent);
    }
    lock.lock();
    report_ = done;
    ended_ = true;
    changed_.notify_all();
    return done;
}

void context_state::stop_background(deadline until) {
    std::shared_ptr<background_thread> running;
    {
        const std::lock_guard lock{mutex_};
        running = background_;
    }
    if (!running) return;
    running->stop.request_stop();
    // A loop thread that is stuck in a callback is left behind; it shares all that it uses.
    if (running->events.wait_ended(until) == status::ok) {
        running->thread.join();
    } else {
        running->thread.detach();
        warn("a handler on the context's loop had not returned when the context's time to close was up");
    }
}

bool context_state::wait_until_closed(std::unique_lock<std::mutex>& lock, deadline until) {
    // What the calling thread holds itself cannot close while it waits here.
    const auto self = std::this_thread::get_id();
    const auto others_closed = [&] {
        return std::all_of(records_.begin(), records_.end(),
                           [&](auto& r) { return !r->open || r->owner == self; });
    };
    wait(changed_, lock, until, others_closed);
    return std::none_of(records_.begin(), records_.end(), [](auto& r) { return r->open; });
}

bool context_state::terminate(deadline until) {
    struct shared {
        std::mutex mutex;
        std::condition_variable changed;
        bool done = false;
    };
    const auto end = std::make_shared<shared>();
    std::thread helper{[zmq = zmq_, end] {
        while (zmq_ctx_term(zmq) != 0 && zmq_errno() == EINTR) {
        }
        const std::lock_guard lock{end->mutex};
        end->done = true;
        end->changed.notify_all();
    }};
    std::unique_lock lock{end->mutex};
    const bool in_time = wait(end->changed, lock, until, [&] { return end->done; });
    lock.unlock();
    in_time ? helper.join() : helper.detach();
    return in_time;
}

close_report context_state::report(bool terminated) {
    const std::lock_guard lock{mutex_};
    close_report done;
    done.complete = terminated;
    for (const auto& record : records_) {
        // Once terminated, libzmq holds nothing: all that is not expired went out.
        const auto unsent = record->meter->expired() + (terminated ? 0 : record->meter->pending());
        if (record->open || unsent > 0) done.leftovers.push_back({describe(*record), unsent, record->open});
    }
    if (lost_earlier_ > 0) done.leftovers.push_back({"sockets closed earlier", lost_earlier_, false});
    return done;
}

std::string context_state::name_of(const socket_record& record) {
    const std::lock_guard lock{mutex_};
    return describe(record);
}

std::string context_state::next_monitor_name() {
    const std::lock_guard lock{mutex_};
    return "inproc://leat-monitor-" + std::to_string(++last_monitor_);
}

std::string context_state::describe(const socket_record& record) {
    std::string text = record.role;
    for (std::size_t i = 0; i < record.endpoints.size(); ++i)
        text += (i == 0 ? " " : ", ") + record.endpoints[i];
    if (record.endpoints.empty()) text += " (neither bound nor connected)";
    return text;
}

}  // namespace leat::detail

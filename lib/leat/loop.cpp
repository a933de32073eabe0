#include <leat/loop.hpp>

#include <leat/detail/wait.hpp>
#include <leat/error.hpp>
#include <leat/socket.hpp>

#include <algorithm>
#include <cerrno>

namespace leat {

void loop::check_thread(const char* what) const {
    const auto runner = runner_.load();
    if (runner == std::thread::id{} || runner == std::this_thread::get_id()) return;
    throw error{errc::wrong_thread,
                std::string{"loop: "} + what + " from another thread than the loop's; use post"};
}

void loop::post(handler task) {
    {
        const std::lock_guard lock{mutex_};
        if (over_) return;
        tasks_.push_back(std::move(task));
    }
    posted_.raise();
}

loop::id loop::watch(socket& s, handler ready) {
    if (s.handle() == nullptr)
        throw error{errc::closed, "loop: cannot watch " + s.name() + ", which is closed"};
    return watch_raw(s.handle(), std::move(ready));
}

loop::id loop::watch_raw(void* zmq_socket, handler ready) {
    int fd = -1;
    std::size_t size = sizeof fd;
    if (zmq_getsockopt(zmq_socket, ZMQ_FD, &fd, &size) != 0)
        throw error{errc::closed, "loop: cannot watch a socket: " + std::string{zmq_strerror(zmq_errno())}};
    return add({zmq_socket, fd, ZMQ_POLLIN, 0}, std::move(ready));
}

loop::id loop::watch_fd(int fd, handler ready) {
    return add({nullptr, fd, ZMQ_POLLIN, 0}, std::move(ready));
}

loop::id loop::add(zmq_pollitem_t item, handler ready) {
    check_thread("watch");
    const auto which = ++last_id_;
    items_.push_back(item);
    watched_.push_back({which, std::make_shared<handler>(std::move(ready))});
    return which;
}

loop::id loop::after(std::chrono::nanoseconds delay, handler due) {
    check_thread("after");
    const auto which = ++last_id_;
    timers_.emplace(deadline{delay}.is_now() ? deadline::clock::now() : deadline{delay}.at(),
                    timer{which, std::chrono::nanoseconds::zero(), std::move(due)});
    return which;
}

loop::id loop::every(std::chrono::nanoseconds interval, handler due) {
    check_thread("every");
    if (interval <= std::chrono::nanoseconds::zero()) {
        throw error{errc::bad_option, "loop: an interval must be longer than zero"};
    }
    const auto which = ++last_id_;
    timers_.emplace(deadline::clock::now() + interval, timer{which, interval, std::move(due)});
    return which;
}

loop::id loop::on_end(handler told) {
    {
        const std::lock_guard lock{mutex_};
        if (!over_) {
            ends_.emplace_back(++last_id_, std::move(told));
            return ends_.back().first;
        }
    }
    told();
    return ++last_id_;
}

void loop::cancel(id which) {
    check_thread("cancel");
    for (auto& one : watched_) {
        if (one.which == which) one.which = 0;  // removed by compact, so that a handler may cancel itself
    }
    std::erase_if(timers_, [&](const auto& entry) { return entry.second.which == which; });
    handler unasked;  // goes without the mutex
    const std::lock_guard lock{mutex_};
    const auto end = std::find_if(ends_.begin(), ends_.end(), [&](auto& one) { return one.first == which; });
    if (end == ends_.end()) return;
    unasked = std::move(end->second);
    ends_.erase(end);
}

void loop::compact() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < watched_.size(); ++i) {
        if (watched_[i].which == 0) continue;
        if (kept != i) {
            watched_[kept] = std::move(watched_[i]);
            items_[kept] = items_[i];
        }
        ++kept;
    }
    watched_.resize(kept);
    items_.resize(kept);
}

status loop::run(const std::stop_token& stop) {
    runner_ = std::this_thread::get_id();
    const struct forget {
        std::atomic<std::thread::id>& runner;
        ~forget() { runner = std::thread::id{}; }
    } forget_runner{runner_};
    const std::stop_callback wake{stop, [this] { posted_.raise(); }};
    {
        const std::lock_guard lock{mutex_};
        over_ = ended_ = false;
    }
    posted_.raise();  // tasks may be left from a run that an exception ended

    while (!stop.stop_requested()) {
        compact();
        const auto wait = timers_.empty() ? deadline::never() : deadline{timers_.begin()->first};
        const auto own = items_.size();
        items_.push_back({nullptr, posted_.fd(), ZMQ_POLLIN, 0});
        const int ready = poll_items(wait.poll_timeout());
        const bool posted = ready > 0 && items_.back().revents != 0;
        items_.pop_back();
        if (ready < 0) {
            if (zmq_errno() == EINTR) continue;
            if (zmq_errno() == ETERM) return status::closed;
            throw error{errc::internal, "loop: poll failed: " + std::string{zmq_strerror(zmq_errno())}};
        }
        if (posted) run_posted();
        run_due();
        if (ready > 0) run_ready(own);
    }
    return status::stopped;
}

/// As zmq_poll, which asks each socket twice for a wake-up. Here it is asked once before the wait, since any
/// use of it may have used up what its descriptor told, and again when its descriptor tells of news.
int loop::poll_items(int timeout) {
    int ready = 0;
    const auto ask = [&](zmq_pollitem_t& item) {
        int events = 0;
        std::size_t size = sizeof events;
        if (zmq_getsockopt(item.socket, ZMQ_EVENTS, &events, &size) != 0) return false;
        item.revents = static_cast<short>(events & ZMQ_POLLIN);
        ready += item.revents != 0 ? 1 : 0;
        return true;
    };
    polled_.clear();
    for (auto& item : items_) {
        item.revents = 0;
        if (item.socket != nullptr && !ask(item)) return -1;
        polled_.push_back({item.fd, POLLIN, 0});
    }
    if (::poll(polled_.data(), polled_.size(), ready > 0 ? 0 : timeout) < 0) return -1;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        auto& item = items_[i];
        if (polled_[i].revents == 0 || item.revents != 0) continue;
        if (item.socket == nullptr) {
            item.revents = ZMQ_POLLIN;
            ++ready;
        } else if (!ask(item)) {
            return -1;
        }
    }
    return ready;
}

void loop::run_posted() {
    posted_.lower();
    std::size_t count = 0;
    {
        const std::lock_guard lock{mutex_};
        count = tasks_.size();
    }
    // What these post has its turn after timers and sockets; posting has raised the flag for it.
    for (; count > 0; --count) {
        handler task;
        {
            const std::lock_guard lock{mutex_};
            if (tasks_.empty()) return;  // a task has called clear
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task();
    }
}

void loop::run_due() {
    const auto now = deadline::clock::now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
        auto due = timers_.extract(timers_.begin());
        if (due.mapped().interval > std::chrono::nanoseconds::zero()) {
            // Back in first, so that the handler can cancel it.
            const auto call = due.mapped().due;
            due.key() = now + due.mapped().interval;
            timers_.insert(std::move(due));
            call();
        } else {
            due.mapped().due();
        }
    }
}

void loop::run_ready(std::size_t items) {
    for (std::size_t i = 0; i < std::min(items, items_.size()); ++i) {  // fewer after a clear
        if (items_[i].revents == 0 || watched_[i].which == 0) continue;
        const auto ready =
            watched_[i].ready;  // shared, since a handler that watches more may move the vector
        (*ready)();
    }
}

void loop::clear() {
    items_.clear();
    watched_.clear();
    timers_.clear();
    std::deque<handler> unrun;
    decltype(ends_) ends;
    {
        const std::lock_guard lock{mutex_};
        unrun.swap(tasks_);
        ends.swap(ends_);
        over_ = true;
    }
    for (const auto& [which, told] : ends) told();
    unrun.clear();
    {
        const std::lock_guard lock{mutex_};
        ended_ = true;
    }
    changed_.notify_all();
}

status loop::wait_ended(deadline until) {
    std::unique_lock lock{mutex_};
    return detail::wait(changed_, lock, until, [&] { return ended_; }) ? status::ok : status::timeout;
}

}  // namespace leat

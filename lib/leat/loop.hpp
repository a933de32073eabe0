#pragma once

#include <leat/deadline.hpp>
#include <leat/status.hpp>
#include <leat/stop.hpp>

#include <poll.h>
#include <zmq.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace leat {

class socket;

/// Runs handlers when sockets or file descriptors are readable, when timers are due, and when other threads
/// ask for it.
///
/// One thread calls `run`; handlers run on it, one at a time, and must not block. `post`, `on_end` and
/// `wait_ended` may be called from any thread; everything else only on the running thread, or before `run`.
/// What is watched must outlive its watch.
class loop {
public:
    using handler = std::function<void()>;
    using id = std::uint64_t;

    loop() = default;
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    /// Has `task` run on the loop's thread, after those posted before. Never blocks on the loop. Tasks that
    /// are posted after the loop has ended (after `clear`) are destroyed unrun.
    void post(handler task);

    /// Calls `ready` whenever `s` has a message to receive.
    id watch(socket& s, handler ready);

    /// Calls `ready` whenever the raw ZeroMQ socket or the file descriptor is readable.
    id watch_raw(void* zmq_socket, handler ready);
    id watch_fd(int fd, handler ready);

    /// Calls `due` once after `delay`, or after each `interval` without catching up when the loop was late.
    id after(std::chrono::nanoseconds delay, handler due);
    id every(std::chrono::nanoseconds interval, handler due);

    /// Calls `told` once when the loop ends: in `clear`, when watches and timers are gone and nothing is
    /// taken any more. After the end at once, on the calling thread. Must not throw.
    id on_end(handler told);

    /// Ends a watch or timer, or takes an `on_end` back; what has ended already is ignored. Allowed in its
    /// own handler.
    void cancel(id which);

    /// Runs until `stop` is requested (`status::stopped`) or the ZeroMQ context of a watched socket is closed
    /// (`status::closed`). An exception of a handler ends the run and comes out here; `run` may then be
    /// called again.
    status run(const std::stop_token& stop);

    /// Ends it: drops all watches and timers, tells those who asked by `on_end`, and drops all tasks.
    void clear();

    /// Waits until `run` has returned and `clear` was called.
    [[nodiscard]] status wait_ended(deadline until);

private:
    struct watched {
        id which;
        std::shared_ptr<handler> ready;
    };
    struct timer {
        id which;
        std::chrono::nanoseconds interval;  // zero: once
        handler due;
    };

    id add(zmq_pollitem_t item, handler ready);
    void check_thread(const char* what) const;
    int poll_items(int timeout);
    void run_posted();
    void run_due();
    void run_ready(std::size_t items);
    void compact();

    wake_up posted_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<handler> tasks_;                 // guarded by mutex_, as all that follows
    std::vector<std::pair<id, handler>> ends_;  // in the order in which they asked
    bool over_ = false;                         // nothing is taken any more
    bool ended_ = false;                        // and all who asked have been told

    std::vector<zmq_pollitem_t> items_;  // [i] belongs to watched_[i]
    std::vector<watched> watched_;
    std::vector<pollfd> polled_;
    std::multimap<deadline::clock::time_point, timer> timers_;
    std::atomic<id> last_id_{0};
    std::atomic<std::thread::id> runner_;
};

}  // namespace leat

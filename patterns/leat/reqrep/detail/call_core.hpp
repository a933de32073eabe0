#pragma once

#include <leat/buffer.hpp>
#include <leat/context.hpp>
#include <leat/loop.hpp>
#include <leat/reqrep/call_counts.hpp>
#include <leat/reqrep/call_options.hpp>
#include <leat/reqrep/detail/call_header.hpp>
#include <leat/reqrep/detail/call_table.hpp>
#include <leat/reqrep/detail/frames.hpp>
#include <leat/reqrep/detail/server_set.hpp>
#include <leat/reqrep/detail/turn_mutex.hpp>

#include <poll.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>
#include <vector>

namespace leat::detail {

/// What a client's handles share: the open calls, the servers, and who reads the answers.
///
/// Reading takes turns (leader and followers; Schmidt et al., Pattern-Oriented Software Architecture 2). A
/// thread that waits in `call` while nobody reads becomes the leader: it polls the sockets, hands answers to
/// the calls that they belong to, and passes the lead on when its own has come. While no thread is in `call`
/// and others wait for answers, the context's loop reads. So a lone caller's answer crosses no second thread.
///
/// ZMQ_FD tells of a change only once, to whoever touches the socket next. So what was sent on is unread, and
/// is read until it is empty before the mutex is let go.
class call_core : public std::enable_shared_from_this<call_core> {
public:
    using time = deadline::clock::time_point;

    call_core(context& ctx, request_options options);
    ~call_core();
    call_core(const call_core&) = delete;
    call_core& operator=(const call_core&) = delete;

    /// To be called once, after the construction.
    void begin();

    /// Waits for the end of the call: a request, or a ping.
    [[nodiscard]] answer<bytes> call(call_kind kind, std::string_view method, message&& body, deadline until,
                                     const call_options& how);

    /// Starts a call that `done` is told the end of; its id, or 0 when it was refused.
    std::uint64_t start(std::string_view method, message&& body, deadline until, const call_options& how,
                        std::unique_ptr<completion> done);

    bool cancel(std::uint64_t id);

    /// Ends all calls as `how`, and the client. No completion runs any more once it has returned, except one
    /// that calls this itself.
    void close(call_status how);

    /// No call will be made any more.
    void retire();

    [[nodiscard]] status wait_ready(std::size_t servers, deadline until);

    [[nodiscard]] std::size_t in_flight();
    [[nodiscard]] std::size_t servers();
    [[nodiscard]] const request_options& options() const noexcept { return options_; }
    [[nodiscard]] const call_counts& counts() const noexcept { return counts_; }
    [[nodiscard]] const endpoints& bound() const noexcept { return servers_.bound(); }

private:
    using lock = std::unique_lock<turn_mutex>;
    using index = call_table::index;

    struct finished {
        std::unique_ptr<completion> done;
        answer<bytes> how;
    };

    // Calls (call_core.cpp)
    bool open(index& which, call_kind kind, std::string_view method, message&& body, deadline until,
              const call_options& how, answer<bytes>& refused);
    void set_timer(index which);
    void finish(index which, answer<bytes>&& how);
    void run_due();
    void look();
    void end_all(call_status how);

    // Which servers have them (call_place.cpp)
    void place(index which, bool second = false);
    bool send_to_one(index which, attempt& with);
    void place_waiting();
    void end_attempt(index which, attempt& with, bool tell);
    void lose(index which, attempt& with);
    void lose_all_of(std::size_t server);
    void refuse(index which, attempt& with, call_failure&& why);

    // Requests that go out together (call_gather.cpp)
    [[nodiscard]] bool gathers(const open_call& call, const server_entry& to) const noexcept;
    void gather(std::size_t server, const call_header& header, const open_call& call);
    void send_gathered(std::size_t server);
    void send_all_gathered();
    void take_back(std::size_t server);

    // What comes in (call_receive.cpp)
    void unread(std::size_t link);
    void all_unread();
    void read_unread();
    void read_before_ends();
    int read(std::size_t link, int most);
    void read_all(std::size_t link);
    void on_message(std::size_t link);
    void on_part(std::size_t link, const call_header& header, message& id, message& body);
    void on_answer(std::size_t link, const call_header& header, message& id, message& body);
    void on_server(std::size_t link, const call_header& header, const message& id);
    void hear(std::size_t link, const message& id);
    void probe(std::size_t link);
    void probe_again(std::size_t link, std::chrono::milliseconds pause);
    void forget_silent(std::size_t link);
    void drop(refusal why) noexcept { counts_.dropped[static_cast<std::size_t>(why)].add(); }

    // Who reads (call_lead.cpp)
    void end_refused(lock& held, std::unique_ptr<completion> done, answer<bytes>&& how);
    void wait(lock& held, call_waiter& me);
    void lead(lock& held, call_waiter& me);
    void poll(lock& held);
    void pass_on_lead();
    [[nodiscard]] bool loop_is_needed() const noexcept;
    void wake_reader(time next);
    void leave(lock& held);
    void tell_leader();
    void run_ready(lock& held);
    void arm_loop();
    void post_read();

    // The loop, and the end (call_loop.cpp)
    void read_on_loop();
    void run_finished(lock& held);
    void run_rest();
    void schedule_on_loop();
    void leave_loop();
    void on_loop_end();

    const request_options options_;
    const std::uint32_t session_;
    loop& events_;
    turn_mutex mutex_;
    std::condition_variable_any servers_changed_;
    call_counts counts_;
    server_set servers_;
    call_table calls_;
    std::deque<std::size_t> unread_;  // links that may have messages of which poll(2) will not tell
    frames incoming_;
    int parts_read_ = 0;  // of batches, since the last message was counted
    buffer scratch_;
    bool looking_ = false;
    bool closed_ = false;
    call_status closed_as_ = call_status::closed;

    call_waiter* leader_ = nullptr;
    bool polling_ = false;  // the leader is, without the mutex, until leader_until_
    time leader_until_{};
    wake_up wake_leader_;
    std::vector<call_waiter*> followers_;
    std::vector<pollfd> polled_;

    std::vector<finished> ready_;     // to be run by whoever lets go of the mutex next
    std::vector<finished> finished_;  // to be run on the loop
    std::vector<finished> running_;   // the loop's own, from running_at_
    std::size_t running_at_ = 0;
    std::size_t unattended_ = 0;  // open calls that no thread waits for
    std::condition_variable_any loop_idle_;
    std::thread::id loop_thread_;
    bool loop_runs_ = false;  // completions, without the mutex
    bool posted_ = false;     // read_on_loop is
    bool watching_ = false;
    bool loop_over_ = false;
    std::vector<loop::id> watches_;  // this and what follows: on the loop's thread only, or before it
    loop::id timer_ = 0;
    time timer_at_ = time::max();
    loop::id end_ = 0;

    std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace leat::detail

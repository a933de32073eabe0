#pragma once

#include <leat/buffer.hpp>
#include <leat/context.hpp>
#include <leat/loop.hpp>
#include <leat/reqrep/detail/call_batch.hpp>
#include <leat/reqrep/detail/call_header.hpp>
#include <leat/reqrep/detail/failure_body.hpp>
#include <leat/reqrep/detail/frames.hpp>
#include <leat/reqrep/detail/request_table.hpp>
#include <leat/reqrep/detail/turn_mutex.hpp>
#include <leat/reqrep/reply_options.hpp>
#include <leat/reqrep/responder.hpp>
#include <leat/socket.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace leat::detail {

class reply_core;

/// The request whose handler the calling thread runs.
struct running_request {
    const reply_core* of = nullptr;
    deadline::clock::time_point since{};
};
inline thread_local running_request running_here;

/// What a replier, its workers and its open requests share: the ROUTER, and the requests that are not
/// answered.
///
/// The workers take turns (leader and followers; Schmidt et al., Pattern-Oriented Software Architecture 2):
/// one of those without work polls the socket, takes a request, hands the lead to another idle one, and runs
/// the handler itself; so a request crosses no second thread. While all of them have been at work for a
/// moment, the context's loop reads: to take further requests or refuse them, and for cancels and pings. It
/// also sends signs of life.
class reply_core : public std::enable_shared_from_this<reply_core> {
public:
    /// Runs on a worker, without locks. What it throws is for `on_error`.
    using handler = std::function<void(std::string_view method, bytes&& body, open_request&& of)>;

    reply_core(context& ctx, reply_options options, handler run);
    ~reply_core();
    reply_core(const reply_core&) = delete;
    reply_core& operator=(const reply_core&) = delete;

    /// To be called once, after the construction: starts the workers.
    void begin();

    /// Ends it: what waits is refused, what is under way has until the deadline. False when something was not
    /// answered by then.
    bool stop(deadline until);

    bool answer(std::uint64_t ticket, call_kind kind, bytes&& body);
    [[nodiscard]] std::optional<std::chrono::nanoseconds> remaining(std::uint64_t ticket);
    [[nodiscard]] bool cancelled(std::uint64_t ticket);
    [[nodiscard]] std::stop_token stop_token(std::uint64_t ticket);

    [[nodiscard]] std::size_t open_requests();
    [[nodiscard]] const reply_counts& counts() const noexcept { return counts_; }
    [[nodiscard]] const endpoints& bound() const noexcept { return bound_; }
    [[nodiscard]] const reply_options& options() const noexcept { return options_; }
    [[nodiscard]] monitor& peers() const noexcept { return router_.peers(); }

private:
    using lock = std::unique_lock<turn_mutex>;
    using index = request_table::index;
    using time = deadline::clock::time_point;

    // The workers (reply_core.cpp)
    void work();
    void lead(lock& held);
    void run_next(lock& held);
    void handle(std::uint64_t ticket, const std::string& method, bytes&& body);
    void tell_thrown(const std::string& method, std::exception_ptr thrown);
    void wake_worker();
    void leave(lock& held);
    void request_stops(lock& held);
    void give_up(index which);
    void end();
    [[nodiscard]] bool finish_stop(lock& held, deadline until);
    [[nodiscard]] bool owes_answers();

    // What comes in (reply_receive.cpp)
    bool read(int most, bool until_request);
    void on_message();
    void on_batch(std::size_t envelope, const message& body);
    void on_request(std::size_t envelope, const call_header* header, message& body, bool in_batch = false);
    void make_room(time now);
    void on_cancel(const call_header& header);
    [[nodiscard]] bool is_stale(const call_header& header, std::size_t envelope) const;

    // What goes out (reply_send.cpp)
    [[nodiscard]] bool send_answer(taken_request& to, call_kind kind, bytes&& body);
    [[nodiscard]] bool others_follow(const taken_request& to);
    void gather(taken_request& to, call_kind kind, const bytes& body);
    void send_gathered();
    void read_after_send();
    [[nodiscard]] int send_message(message& id, std::span<message> relays, const call_header* header,
                                   message& body);
    [[nodiscard]] int send_back(std::size_t envelope, const call_header* header, call_kind kind,
                                bytes&& body);
    void refuse(std::size_t envelope, const call_header* header, reply_code code, std::string_view text);
    void finish(index which, reply_code code, std::string_view text);
    void refuse_late(index which);
    bool sent(int failure) noexcept;
    void announce(call_kind kind);

    // The loop (reply_loop.cpp)
    void begin_on_loop();
    void begin_ticks();
    void tick_later();
    void tick();
    void announce_later();
    void read_on_loop();
    void leave_loop();
    void look_after_open(time now);
    void retire();
    void on_loop_end();

    const reply_options options_;
    const handler run_;
    loop& events_;
    const std::function<void(const std::string&)> warn_;
    turn_mutex mutex_;
    socket router_;
    void* zmq_;
    const int fd_;
    endpoints bound_;
    std::vector<message> joined_;  // routing ids of the requesters that it has joined
    reply_counts counts_;
    request_table requests_;
    std::uint64_t plain_calls_ = 0;
    frames incoming_;
    int parts_read_ = 0;  // of batches, since the last message was counted
    buffer scratch_;
    call_batch gathered_;  // answers that are to be sent, to one peer
    message gathered_for_;
    std::vector<std::unique_ptr<std::stop_source>> to_stop_;  // once the mutex is free

    std::condition_variable_any idle_;
    std::condition_variable_any drained_;
    std::vector<std::thread> threads_;
    std::size_t workers_left_ = 0;
    std::size_t idle_count_ = 0;
    bool leading_ = false;  // a worker is reading or polling
    bool polling_ = false;
    bool stopping_ = false;
    bool stopped_ = false;  // and how:
    bool stopped_clean_ = false;
    bool left_unanswered_ = false;
    time last_answer_{};
    bool ended_ = false;
    wake_up wake_leader_;
    std::uint64_t handled_ = 0;

    bool ticking_ = false;
    bool watching_ = false;
    std::uint64_t handled_at_tick_ = 0;
    bool has_gathered_ = false;  // answers, since the last tick
    time open_seen_{};           // when there was an open request
    time alive_seen_{};          // when signs of life were last due
    loop::id watch_ = 0;         // this and what follows: on the loop's thread only
    loop::id ticks_ = 0;
    loop::id end_ = 0;
    loop::id announcing_ = 0;
};

}  // namespace leat::detail

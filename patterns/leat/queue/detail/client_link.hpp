#pragma once

#include <leat/buffer.hpp>
#include <leat/context.hpp>
#include <leat/detail/wait.hpp>
#include <leat/endpoint.hpp>
#include <leat/loop.hpp>
#include <leat/queue/detail/wire_io.hpp>
#include <leat/queue/queue_types.hpp>
#include <leat/socket.hpp>
#include <leat/stop.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace leat::detail {

/// Where a client's queue is, and as what it comes.
struct link_target {
    endpoint at;
    std::string queue;
    wire::role as;
    socket_options socket = {};
};

/// A client's connection to its queue, and the session on it: HELLO whenever the connection is new, counters,
/// PING, and another connection when the queue has been silent for too long. What the session is for is up to
/// who derives from it.
///
/// The socket is used under the mutex, by whoever has something to send, and when something has come by one
/// of those that wait for it (`await`), so that no other thread has to be woken first, else by the context's
/// loop. ZMQ_FD tells of a change only once, to whoever touches the socket next; so who has sent reads all
/// there is (`leave`) before letting go of the mutex.
class client_link : public std::enable_shared_from_this<client_link> {
public:
    using clock = deadline::clock;
    using time = clock::time_point;
    using lock = std::unique_lock<std::mutex>;

    client_link(context& ctx, link_target target);
    virtual ~client_link();
    client_link(const client_link&) = delete;
    client_link& operator=(const client_link&) = delete;

    /// To be called once, after the construction.
    void begin();

    /// Waits until the queue has said WELCOME.
    [[nodiscard]] leat::status wait_ready(deadline until);

    [[nodiscard]] session_state state();

    /// "tcp://... queue orders"
    [[nodiscard]] std::string name() const;

    /// How safe a confirm of the queue is; nothing before it has answered.
    [[nodiscard]] std::optional<durability> promise();

protected:
    // All under the mutex.
    virtual void greet(wire::hello&) {}
    virtual bool welcomed(const wire::welcome& frame) = 0;  ///< False for nonsense.
    virtual void session_ended() = 0;
    virtual bool received(wire::command what, std::span<const std::byte> header, message& body) = 0;
    virtual void heard_up_to(std::uint64_t) {}       ///< Of our own frames, the queue has taken these.
    virtual void refused(const wire::error& frame);  ///< The queue lets nobody like us in, or not now.
    virtual void tick(time) {}                       ///< While there is a session.
    /// Whether something is to go on, or is to be told, when the queue says something, though nobody may
    /// wait.
    [[nodiscard]] virtual bool goes_on() const noexcept { return false; }
    virtual void ended() = 0;  ///< No session will come any more.
    /// Without the mutex, after each turn: what is to be told to others.
    virtual void run_ready() {}

    /// Sends a frame of this session; the bytes of its frames, or 0 when that ended the session.
    template <class Frame>
    std::size_t send(Frame& frame, message* body = nullptr) {
        scratch_.clear();
        stamp(frame.at);
        wire::write(frame, scratch_);
        return send_scratch(body);
    }

    /// Ends a turn under the mutex.
    void leave(lock& held);

    /// Waits until `over()`, at most until the deadline; returns what `over()` is then. Reads what comes
    /// meanwhile, or waits for another thread that does.
    template <class Over>
    bool await(lock& held, deadline until, Over over) {
        if (until.is_now()) read_what_came();
        for (;;) {
            if (touched_ && !closed_) drain();
            if (over() || until.passed()) break;
            if (!leading_) {
                lead(held, until);
            } else {
                ++following_;
                detail::wait(changed_, held, until, [&] { return !leading_ || over(); });
                --following_;
            }
        }
        if (!leading_ && following_ > 0) changed_.notify_one();
        have_somebody_read();
        return over();
    }

    /// Has those that wait look again.
    void tell_all() noexcept;

    /// Has one of them look again: for what one of them will take.
    void tell_one() noexcept;

    /// What has come so far is looked at, though nobody waits and the loop may be late with it.
    void read_what_came();

    /// The loop reads from now on, and not only at its ticks.
    void have_loop_read();

    /// The loop does where something goes on and nobody who waits reads.
    void have_somebody_read() {
        if (!watching_ && !leading_ && following_ == 0 && goes_on()) have_loop_read();
    }

    /// Ends the link within the deadline; what was sent goes out in the background. To be called without the
    /// mutex.
    void close_link();

    void end_session();

    /// Another session on the same connection, if there is one.
    void renew();

    /// A session, though the queue may not have said WELCOME yet: what is sent comes after HELLO.
    [[nodiscard]] bool greeted() const noexcept { return phase_ != phase::down; }
    [[nodiscard]] bool up() const noexcept { return phase_ == phase::up; }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool closed_ = false;
    wire::welcome terms_;  ///< The last WELCOME's.
    const std::function<void(const std::string&)> warn_;
    const link_target target_;
    std::uint64_t out_ = 0;  ///< The counter of the last frame sent.

private:
    enum class phase { down, greeting, up };

    void lead(lock& held, deadline until);
    void watch();
    void stamp(wire::head& at) noexcept;
    std::size_t send_scratch(message* body);
    void look();
    void hello();
    void drain();
    void on_frame(const message& header, message& body);
    void on_error(const wire::error& frame);
    void on_tick();
    void set_tick(std::chrono::nanoseconds interval);
    void connect_again();
    void on_loop_end();

    const std::shared_ptr<loop> events_;
    socket socket_;
    phase phase_ = phase::down;
    std::uint64_t session_, in_ = 0;
    std::uint64_t seen_disconnects_ = 0;
    time heard_{}, pinged_{}, greeted_{}, hello_at_{};
    std::chrono::milliseconds hello_pause_{0};
    std::uint8_t warned_of_ = 0;
    std::vector<std::string> warnings_;  // to be told by whoever lets go of the mutex next
    bool touched_ = false, draining_ = false;
    bool leading_ = false;      // one of those that wait reads
    bool has_led_ = false;      // since the last tick
    bool watching_ = false;     // the loop reads,
    bool is_to_watch_ = false;  // or has been asked to
    std::size_t following_ = 0;
    wake_up wake_leader_;
    buffer scratch_;
    socket::parts parts_, incoming_;
    std::string client_id_;

    loop::id end_ = 0;
    loop::id watch_ = 0, timer_ = 0;  // on the loop's thread only
    std::chrono::nanoseconds tick_{0};
};

/// 16 random bytes.
[[nodiscard]] std::string random_id();

/// Random, one a process (W1).
[[nodiscard]] const std::string& process_id();

}  // namespace leat::detail

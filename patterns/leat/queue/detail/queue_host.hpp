#pragma once

#include <leat/buffer.hpp>
#include <leat/context.hpp>
#include <leat/endpoint.hpp>
#include <leat/loop.hpp>
#include <leat/queue/detail/hosted_queue.hpp>
#include <leat/queue/detail/loop_call.hpp>
#include <leat/queue/detail/peer_session.hpp>
#include <leat/queue/detail/rate_limit.hpp>
#include <leat/queue/detail/wire_io.hpp>
#include <leat/socket.hpp>

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leat::detail {

/// An endpoint with its queues: the ROUTER, the sessions, and the passes of the engines. All of it runs on
/// the context's loop, but the constructor's caller, who posts there.
///
/// Nothing that comes from the network throws out of it: a frame that does not keep the protocol is counted,
/// takes nothing, and ends its session.
class queue_host : public std::enable_shared_from_this<queue_host> {
public:
    /// Bytes that a frame may have beside its largest message.
    static constexpr std::size_t beside_message = 1u << 20;

    queue_host(context& ctx, const endpoint& at, const socket_options& options);

    [[nodiscard]] static queueing::ticks clock_now();

    /// On the loop, once.
    void begin();

    /// On the loop.
    /// @throws leat::error when it has a queue of that name
    std::shared_ptr<hosted_queue> add(const std::string& name, const queue_rules& rules,
                                      std::unique_ptr<queueing::disk_store> disk = {});
    /// The endpoint closes with its last queue, once the clients have heard of it or the deadline has passed;
    /// then, or when it stays for other queues, `done` is dropped.
    void remove(const std::shared_ptr<hosted_queue>& which, leat::deadline until,
                std::shared_ptr<end_of> done);

    /// Runs a pass soon, after something was changed from outside.
    void pass_now(hosted_queue& which);

    /// To be called before something is asked or changed from outside, for which time counts. False when it
    /// is no queue of this host any more.
    [[nodiscard]] bool enter(hosted_queue& which);

    [[nodiscard]] const endpoint& bound() const noexcept { return bound_; }
    [[nodiscard]] const std::shared_ptr<loop>& events() const noexcept { return events_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] std::uint64_t bad_frames() const noexcept;

    // For the queues.

    /// False when the peer cannot be reached (any more): its session then ends with the pass.
    template <class Frame>
    bool send(peer_session& to, Frame& frame, message* body = nullptr) {
        if (to.ended || to.unreachable) return false;
        frame.at.session = to.number;
        frame.at.counter = ++to.out;
        frame.at.seen = to.in;
        scratch_.clear();
        wire::write(frame, scratch_);
        const auto size = scratch_.size() + (body != nullptr ? body->size() : 0);
        const bool good = size <= always_sent ||
                          frame.at.what == static_cast<std::uint8_t>(wire::command::welcome) ||
                          to.unread.bytes() <= most_unread();
        to.unread.sent(frame.at.counter, size);
        if (good && send_scratch(to.routing, body)) return true;
        to.unreachable = true;
        ending_.push_back({to.routing, wire::error_code::session_lost, {}});
        return false;
    }
    void flush_later(const session_ptr& which);
    void settled_later(const session_ptr& which, queueing::ticks now);
    void end_later(const session_ptr& which, wire::error_code code, std::string text);

    /// Called when the loop has ended.
    void on_loop_end();

private:
    /// What was wrong with a frame.
    enum class fault : std::uint8_t {
        malformed,
        no_session,
        out_of_sequence,
        beyond_credit,
        unknown,
        refused,
        too_often
    };
    static constexpr std::size_t faults = 7;

    struct pending_put {
        session_ptr from;
        wire::put frame;
        message header, body;
        bool bye = false;
    };
    struct ending {
        std::string routing;
        wire::error_code code;
        std::string text;
    };

    /// Frames so small are bounded by the ROUTER's mark; others also by what their peer has read.
    static constexpr std::size_t always_sent = 1024;

    /// SETTLED speaks of a session so far. Mostly a DELIVER comes before it is due and says by `seen` that
    /// the SETTLE has come, and consumers are woken less.
    static constexpr queueing::ticks settled_delay = 1'000'000;

    void on_readable();
    void pass(queueing::ticks now);
    void touch(hosted_queue& which, queueing::ticks now);
    void on_message(queueing::ticks now);
    void on_hello(std::string_view routing, std::span<const std::byte> header, queueing::ticks now);
    void welcome_producer(const session_ptr& s, const wire::hello& frame, const id128& id,
                          wire::welcome& answer);
    void welcome_consumer(const session_ptr& s, const wire::hello& frame, const id128& id,
                          wire::welcome& answer);
    void on_command(const session_ptr& s, wire::command what, std::span<const std::byte> header,
                    message& body, queueing::ticks now);
    bool on_put(const session_ptr& s, message& header, message& body);
    bool on_settle(const session_ptr& s, std::span<const std::byte> header, queueing::ticks now);
    void tell_settled();
    std::uint64_t settle(peer_session& s, std::uint32_t holder, const std::vector<wire::settlement>& groups);
    void run_put(pending_put& one);
    void mark_items(const peer_session& from, const wire::put& frame);
    void run_puts();
    void flush(peer_session& s);
    void flush_verdicts(peer_session& s);
    void grant(peer_session& s);
    bool on_need(const session_ptr& s, std::uint64_t bytes);
    void serve_need();
    void let_in(peer_session& s);
    bool on_question(peer_session& s, wire::command what, std::span<const std::byte> header);
    void end(const session_ptr& s);
    void end_older(const hosted_queue::sessions& all, std::uint32_t handle);
    void end_silent(queueing::ticks now);
    void set_windows(hosted_queue& of);
    [[nodiscard]] std::shared_ptr<hosted_queue> queue_named(const std::string& name) const;
    /// False when it cannot be reached.
    bool refuse(std::string_view routing, std::uint64_t session, wire::error_code code, std::string text,
                std::uint64_t counter = 0);
    bool tell_closed(std::string_view routing, std::uint64_t session, std::uint64_t counter);
    void heard_of_close(std::string_view routing);
    void close_when_heard(leat::deadline until);
    void close();
    void fail(const session_ptr& s, fault why, wire::error_code code, std::string text);
    void count(fault why) noexcept { ++faults_[static_cast<std::size_t>(why)]; }
    bool send_scratch(std::string_view routing, message* body);
    [[nodiscard]] std::uint64_t most_unread() const noexcept;
    void credit(peer_session& s);
    void note_stall(queueing::ticks gap, queueing::ticks now);
    void arm(queueing::ticks now);
    void pass_soon();

    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };

    const std::function<void(const std::string&)> warn_;
    const std::shared_ptr<loop> events_;
    const std::size_t most_frame_;
    socket router_;
    endpoint bound_;
    std::map<std::string, std::shared_ptr<hosted_queue>, std::less<>> queues_;
    std::unordered_map<std::string, session_ptr, text_hash, std::equal_to<>> sessions_;

    /// Connections that may not have read yet that their queue is closed, and their last sessions.
    std::unordered_map<std::string, std::uint64_t, text_hash, std::equal_to<>> told_;
    std::vector<std::shared_ptr<end_of>> when_closed_;  ///< Of those who wait for the endpoint to close.

    std::vector<std::shared_ptr<hosted_queue>> active_;  ///< In the pass under way.
    std::vector<std::unique_ptr<pending_put>> puts_, spare_puts_;
    std::vector<session_ptr> to_flush_;
    std::vector<session_ptr> settled_;               ///< Consumers that are to be told SETTLED,
    queueing::ticks settled_due_ = queueing::never;  ///< and when.
    std::deque<session_ptr> needy_;  ///< Producers whose next PUT is larger than their window (L6);
    session_ptr served_;             ///< one at a time of all.
    std::vector<ending> ending_;
    std::vector<queueing::put_item> items_;
    std::vector<queueing::custody_mark> marks_;
    std::vector<queueing::number_range> numbers_;
    wire::attributes attributes_;
    wire::settle settle_;
    wire::confirm confirm_;
    wire::refuse refuse_;
    std::array<std::uint64_t, faults> faults_{};
    // W9, by connection. What is beyond is counted and not answered.
    rate_limit hellos_{50, 10, 65'536}, strays_{50, 10, 65'536};
    struct left_unread {
        unread_bytes bytes;
        queueing::ticks since;
    };
    /// Of connections without a session, by the ROUTER's names for them.
    std::unordered_map<std::string, left_unread, text_hash, std::equal_to<>> left_unread_;
    socket::parts incoming_, outgoing_;
    buffer scratch_;
    std::atomic<bool> closed_{false};
    bool soon_ = false;
    queueing::ticks armed_ = queueing::never, swept_ = 0, passed_ = clock_now();
    loop::id watch_ = 0, timer_ = 0, end_ = 0;
};

/// The endpoints of a context that have queues.
struct host_registry {
    std::mutex mutex;
    std::map<std::string, std::weak_ptr<queue_host>> hosts;
};

}  // namespace leat::detail

#pragma once

#include <leat/buffer.hpp>
#include <leat/loop.hpp>
#include <leat/pubsub/detail/publish_channel.hpp>
#include <leat/pubsub/detail/publish_watch.hpp>
#include <leat/pubsub/detail/subscription_count.hpp>
#include <leat/pubsub/detail/topic_book.hpp>
#include <leat/pubsub/detail/wire.hpp>
#include <leat/socket.hpp>
#include <leat/stop.hpp>

#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <span>

namespace leat::detail {

/// A frame that is being filled with messages of one topic.
struct open_batch {
    published_topic* topic = nullptr;
    buffer objects;
    std::uint32_t count = 0;
    std::size_t last_at = 0;  // where the last object begins
    deadline::clock::time_point opened;
};

/// A publisher: an XPUB socket, the mutex around it, and what is remembered of topics and subscriptions.
///
/// A publish sends on the calling thread. The context's loop looks after what subscribers ask while nobody
/// publishes, sends batches whose delay has passed, and answers asks for last values.
class publish_state : public std::enable_shared_from_this<publish_state> {
public:
    publish_state(context& ctx, const publish_options& options);

    /// Has the loop look after it.
    void attach();

    status publish(std::string_view topic, const void* value, publish_channel::encoder encode,
                   deadline until);
    status publish(std::string_view topic, message& body, deadline until);
    status wait_subscribers(std::string_view topic, std::size_t n, deadline until);
    std::size_t subscribers(std::string_view topic);
    status flush(deadline until);
    void close() noexcept;

    // For publish_watch, on the loop's thread.

    /// libzmq has news. False when there will be no more.
    bool on_news();

    /// A moment has passed; returns when to call it again, if at all before the next publish.
    std::optional<std::chrono::nanoseconds> on_tick();

    /// The context is closing.
    void end() noexcept;

    socket out;
    endpoints bound;
    const std::uint64_t id = random_id();
    publish_metrics answers;

private:
    using locked = std::unique_lock<std::mutex>;

    // publish_state.cpp
    status publish_alone(locked& lock, published_topic& topic, message& body, deadline until);
    status begin(message head);
    status go_on(message& frame);
    status finish(message& body, const trailer& end);
    trailer live(const published_topic& topic, std::uint32_t count) const noexcept;
    void sent(published_topic& topic, std::uint32_t count);
    status pause(locked& lock, deadline until);
    void end_locked() noexcept;

    // publish_batches.cpp
    status add_to_batch(locked& lock, published_topic& topic, const void* value,
                        publish_channel::encoder encode, deadline until);
    open_batch& begin_batch(published_topic& topic);
    void end_batch(open_batch& batch);
    status send_batch(open_batch& batch);
    status send_batches(locked& lock, deadline until);
    deadline::clock::duration send_due_batches();

    // publish_answers.cpp
    void look();
    void tell() const noexcept;
    void on_subscription(std::string_view text);
    void answer_probe(const question& asked);
    bool answer_ask(const question& asked);
    void on_asked();
    void touch();
    void schedule_answer();

    const overflow overflow_;
    const batching batch_;
    const std::uint64_t name_;
    const char separator_;
    stop_event stop_;
    loop* events_;
    int fd_;
    std::shared_ptr<publish_watch> watch_;
    wake_up told_;  // look has found something while others pause

    std::mutex mutex_;  // guards the socket and all below
    bool closed_ = false;
    topic_book topics_;
    subscription_count subscriptions_;
    buffer scratch_;
    std::list<open_batch> batches_, spare_;  // those that fill, the one begun first at the front
    std::size_t batched_bytes_ = 0;
    std::deque<question> asked_;  // in order; a probe says that what came before it is answered
    bool answering_ = false;      // on_asked is posted
    bool ticking_ = false;
    bool touched_ = false;
    bool busy_ = false;  // publishing has looked since the last tick
    std::uint32_t sends_since_look_ = 0;
    int pausing_ = 0;
};

}  // namespace leat::detail

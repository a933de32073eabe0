#pragma once

#include <leat/context.hpp>
#include <leat/queue/queue_options.hpp>
#include <leat/queue/queue_stat.hpp>
#include <leat/queue/queue_types.hpp>
#include <leat/status.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace leat {

namespace detail {
class hosted_queue;
class queue_host;
}  // namespace detail

/// What a queue is doing.
struct queue_stat {
    queue_counts counts = {};
    queue_depth depth = {};
    std::uint64_t producers = 0;  ///< Sessions now.
    std::uint64_t consumers = 0;
    bool puts_paused = false, takes_paused = false;
    bool stopped_by_dead_letters = false;  ///< They are full (row 20 of the rules).
    std::uint64_t bad_frames = 0;          ///< Of the endpoint: frames that were not taken, all reasons.
};

/// A message that the queue has given up.
struct dead_letter {
    std::uint64_t seq = 0;  ///< Among the dead letters.
    message_origin origin = {};
    death why = death::rejected;
    std::string text = {};  ///< Of the consumer that rejected it.
    int attempts = 0;
    int deliveries = 0;
    put_options attributes = {};
    std::string body = {};
};

/// A queue in this process: acknowledged messages for producers and consumers of any process that can reach
/// its endpoint.
///
/// What is put is stored before its producer has the confirm, is delivered in the order of priority and place
/// to consumers with credit, and stays until it is acked, expires, or is dead: docs/queue.md has all rules.
/// It lives in memory, and ends with this object or its context.
///
/// The work is done on the context's loop thread. Thread-safe; all calls but `bound` wait for the loop, not
/// for peers, and `close` at most until its deadline. Not to be called on the loop.
class queue {
public:
    /// @throws leat::error: `bad_option`; `bind_failed`, also when the endpoint has a queue of that name
    /// already; `insecure_bind`; `closed`.
    queue(context& ctx, queue_options options);

    /// Closes without waiting for consumers.
    ~queue();
    queue(queue&&) noexcept;
    queue& operator=(queue&&) noexcept;

    /// Where it is, with the port or path that the system picked.
    [[nodiscard]] const endpoint& bound() const noexcept { return bound_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// All zero once its context is closed.
    [[nodiscard]] queue_stat stat() const;

    /// Drops what nobody holds; returns how many. Not the dead letters.
    std::uint64_t purge();

    /// Hands out nothing, or refuses puts as `paused`, until resumed.
    void pause_takes(bool on = true);
    void pause_puts(bool on = true);

    /// The first `most` dead letters, oldest first.
    [[nodiscard]] std::vector<dead_letter> dead_letters(std::size_t most = 100) const;

    /// Puts up to `most` dead letters back at the tail of the queue, in order; returns how many.
    std::uint64_t redrive(std::uint64_t most = ~std::uint64_t{0});
    std::uint64_t purge_dead_letters();

    /// Takes and hands out nothing any more, waits for what consumers hold, and ends it: clients' sessions
    /// end, and what is left is gone. `timeout` when some was still held.
    status close(deadline until);

private:
    template <class Work>
    auto on_loop(Work work) const -> decltype(work());

    std::shared_ptr<detail::queue_host> host_;
    std::shared_ptr<detail::hosted_queue> hosted_;
    endpoint bound_{"inproc://none"};
    std::string name_;
};

}  // namespace leat

#pragma once

#include <leat/context.hpp>
#include <leat/queue/dead_letter.hpp>
#include <leat/queue/queue_opening.hpp>
#include <leat/queue/queue_options.hpp>
#include <leat/queue/queue_stat.hpp>
#include <leat/status.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace leat {

namespace detail {
namespace wire {
struct done;
enum class operation : std::uint8_t;
}  // namespace wire
}  // namespace detail

/// A queue in this process: acknowledged messages for producers and consumers of any process that can reach
/// its endpoint.
///
/// What is put is stored before its producer has the confirm, is delivered in the order of priority and place
/// to consumers with credit, and stays until it is acked, expires, or is dead: docs/queue.md has all rules.
/// It lives in memory, and ends with this object or its context; with a path it is on disk too, and goes on
/// where it was when it is opened again, also after a crash.
///
/// The work is done on the context's loop thread. Thread-safe, but for moves and the end; all calls but
/// `bound` wait for the loop, not for peers, and `close` at most until its deadline. Not to be called on the
/// loop. Once it is closed, or its context, there is nothing to see and nothing happens any more.
class queue {
public:
    /// @throws leat::error: `bad_option`; `bind_failed`, also when the endpoint has a queue of that name
    /// already; `insecure_bind`; `closed`; with a path `store_in_use`, naming the process that has it,
    /// `store_unreadable` (a newer format, another queue's, damaged: left as it is), `store_failed`.
    queue(context& ctx, queue_options options);

    /// Closes without waiting for consumers.
    ~queue();
    queue(queue&&) noexcept;
    queue& operator=(queue&&) noexcept;

    /// Where it is, with the port or path that the system picked.
    [[nodiscard]] const endpoint& bound() const noexcept { return bound_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// What was found when it was opened.
    [[nodiscard]] const queue_opening& opened() const noexcept { return opened_; }

    [[nodiscard]] queue_stat stat() const;

    /// Drops what nobody holds; returns how many. Not the dead letters.
    std::uint64_t purge();

    /// Hands out nothing, or refuses puts as `paused`, until resumed.
    void pause_takes(bool on = true);
    void pause_puts(bool on = true);

    /// The first `most` messages that may be handed out, in that order.
    [[nodiscard]] std::vector<waiting_message> peek(std::size_t most = 100) const;

    /// The first `most` of the dead letters that are selected, oldest first.
    /// @throws leat::error (`errc::bad_option`)
    [[nodiscard]] std::vector<dead_letter> dead_letters(const letter_selection& which = {},
                                                        std::size_t most = 100) const;

    /// Puts up to `most` of them back at the tail of the queue, in order, as new messages; stops when the
    /// queue is full.
    /// @throws leat::error (`errc::bad_option`)
    redrive_report redrive(const letter_selection& which = {}, std::uint64_t most = ~std::uint64_t{0});

    /// Drops the dead letters that nobody holds; returns how many.
    std::uint64_t purge_dead_letters();

    /// Takes and hands out nothing any more, waits for what consumers hold, and ends it: clients' sessions
    /// end, and what is left is gone, or on disk, after one more commit. `timeout` when some was still held.
    /// The endpoint's last queue also waits, 1 s at the most, until its clients have read what they were
    /// told.
    status close(deadline until);

private:
    struct parts;

    template <class Work>
    auto on_loop(Work work) const;
    detail::wire::done operate(detail::wire::operation what, const letter_selection& which = {},
                               std::uint64_t most = 0);

    std::unique_ptr<parts> parts_;
    endpoint bound_{"inproc://none"};
    std::string name_;
    queue_opening opened_;
};

}  // namespace leat

#pragma once

#include <leat/context.hpp>
#include <leat/deadline.hpp>
#include <leat/endpoint.hpp>
#include <leat/options.hpp>
#include <leat/queue/dead_letter.hpp>
#include <leat/queue/queue_stat.hpp>
#include <leat/status.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace leat {

namespace detail {
class admin_link;
}  // namespace detail

struct admin_options {
    std::string queue = {};  ///< Its name, 1 to 255 bytes.
    socket_options socket = {};

    /// @throws leat::error (`errc::bad_option`)
    void check() const;
};

/// Looks into a `leat::queue` of any process, and steers it.
///
/// Thread-safe; owns its connection, which is made again when it breaks. Each call waits for the queue's
/// answer until its deadline: `timeout` then, and `closed` once its context is closed. A call that changes
/// the queue is sent once: when the connection breaks before the answer, it is `no_peer`, and may have been
/// done or not. A call that only looks is sent again.
///
/// All calls throw leat::error: `connect_failed` when the endpoint does not let this client in, with its
/// words (there is no queue of that name, ...), and `bad_option` for arguments out of their range.
class queue_admin {
public:
    /// Does not wait for the queue.
    /// @throws leat::error: `bad_option`, `bad_endpoint`, and what `socket` throws.
    queue_admin(context& ctx, const endpoint& at, admin_options options);
    queue_admin(context& ctx, std::string_view at, admin_options options);
    ~queue_admin();
    queue_admin(queue_admin&&) noexcept;
    queue_admin& operator=(queue_admin&&) noexcept;

    [[nodiscard]] result<queue_stat> stat(deadline until);

    /// The first messages that may be handed out, in that order, `most` or as many as 1,000 and about 1 MiB.
    [[nodiscard]] result<std::vector<waiting_message>> peek(std::size_t most, deadline until);

    /// The first `most` of the dead letters that are selected, oldest first.
    [[nodiscard]] result<std::vector<dead_letter>> dead_letters(const letter_selection& which,
                                                                std::size_t most, deadline until);

    /// Puts up to `most` of them back at the tail of the queue, in order, as new messages; stops when the
    /// queue is full.
    [[nodiscard]] result<redrive_report> redrive(const letter_selection& which, std::uint64_t most,
                                                 deadline until);

    /// Drops what nobody holds, or the dead letters that nobody holds; returns how many.
    [[nodiscard]] result<std::uint64_t> purge(deadline until);
    [[nodiscard]] result<std::uint64_t> purge_dead_letters(deadline until);

    /// Until resumed the queue refuses puts as `paused`, or hands nothing out; outcomes go on.
    [[nodiscard]] status pause_puts(bool on, deadline until);
    [[nodiscard]] status pause_takes(bool on, deadline until);

private:
    std::shared_ptr<detail::admin_link> link_;
};

}  // namespace leat

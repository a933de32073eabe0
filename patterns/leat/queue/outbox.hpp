#pragma once

#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>
#include <leat/queue/transfer.hpp>

#include <cstdint>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace leat {

struct outbox_options {
    /// The directory of its queue; without one, in memory, it does not outlive its process.
    std::string path = {};
    queue_address to = {};
    std::string name = "outbox";  ///< Of its queue, and of the transfer.
    queue_rules rules = {};

    /// As in `transfer_options`.
    bool weaker_ok = false;
    std::chrono::milliseconds linger = std::chrono::seconds{1};
    socket_options socket = {};
};

namespace detail {

/// Of an endpoint that only this process knows. Another one each time.
[[nodiscard]] std::string private_endpoint();

}  // namespace detail

/// A producer whose messages are stored in its own process first, and go on from there: `put` works while the
/// queue that they are for cannot be reached, and what is confirmed survives a crash of this process. Each is
/// stored once at the other end.
///
/// Thread-safe as its parts are. The destructor leaves on disk what has not gone on; with no `path` it is
/// lost then, after `linger`.
template <class T>
class outbox {
public:
    /// @throws leat::error as `queue` and `transfer` do
    outbox(context& ctx, outbox_options options)
        : local_(ctx, {.name = options.name,
                       .bind = detail::private_endpoint(),
                       .path = options.path,
                       .rules = options.rules}),
          in_(ctx, local_.bound(), {.queue = options.name}),
          out_(ctx, {.name = options.name,
                     .from = {local_.bound().str(), options.name},
                     .to = std::move(options.to),
                     .weaker_ok = options.weaker_ok,
                     .linger = options.linger,
                     .socket = options.socket}) {}

    /// As of `producer`; a confirm means that it is as safe here as the durability says.
    void put(const T& value, const put_options& how = {}) { in_.put(value, how); }
    void put(const T& value, const put_options& how, typename producer<T>::callback done) {
        in_.put(value, how, std::move(done));
    }
    [[nodiscard]] std::future<put_result> put_async(const T& value, const put_options& how = {}) {
        return in_.put_async(value, how);
    }
    [[nodiscard]] status try_put(const T& value, const put_options& how = {}) {
        return in_.try_put(value, how);
    }
    [[nodiscard]] std::size_t flush(deadline until) { return in_.flush(until); }
    [[nodiscard]] std::vector<refused<T>> take_refused() { return in_.take_refused(); }

    /// Messages that have not been confirmed at the other end.
    [[nodiscard]] std::uint64_t left() const {
        return local_.stat().depth.live() + local_.stat().depth.settled;
    }

    /// What was refused at the other end for good is in its dead letters.
    [[nodiscard]] queue& local() noexcept { return local_; }
    [[nodiscard]] const transfer& onward() const noexcept { return out_; }

    /// Flushes, ends the transfer, and closes the queue, all within the deadline. `timeout` when some had no
    /// answer.
    status close(deadline until) {
        const bool stored = in_.flush(until) == 0;
        in_.close(until);
        const auto gone = out_.close(until);
        local_.close(until);
        return stored ? gone : status::timeout;
    }

private:
    queue local_;
    producer<T> in_;
    transfer out_;
};

}  // namespace leat

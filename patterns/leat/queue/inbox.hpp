#pragma once

#include <leat/queue/consumer.hpp>
#include <leat/queue/outbox.hpp>
#include <leat/queue/queue.hpp>
#include <leat/queue/transfer.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace leat {

struct inbox_options {
    /// The directory of its queue; without one, in memory, it does not outlive its process.
    std::string path = {};
    queue_address from = {};
    std::string name = "inbox";  ///< Of its queue, and of the transfer.
    queue_rules rules = {};

    /// As in `transfer_options`. In memory that has to be said.
    bool weaker_ok = false;
    std::chrono::milliseconds linger = std::chrono::seconds{1};
    socket_options socket = {};
};

/// A consumer whose messages are stored in its own process first: they are here when the queue that they come
/// from cannot be reached, and each is stored here once.
///
/// Thread-safe as its parts are.
template <class T>
class inbox {
public:
    /// @throws leat::error as `queue` and `transfer` do
    inbox(context& ctx, inbox_options options)
        : local_(ctx, {.name = options.name,
                       .bind = detail::private_endpoint(),
                       .path = options.path,
                       .rules = options.rules}),
          in_(ctx, {.name = options.name,
                    .from = std::move(options.from),
                    .to = {local_.bound().str(), options.name},
                    .weaker_ok = options.weaker_ok,
                    .linger = options.linger,
                    .socket = options.socket}),
          out_(ctx, local_.bound(), {.queue = options.name}) {}

    /// As of `consumer`.
    [[nodiscard]] result<delivery<T>> next(deadline until = deadline::never()) { return out_.next(until); }
    [[nodiscard]] auto begin() { return out_.begin(); }
    [[nodiscard]] auto end() const noexcept { return out_.end(); }
    void run(const std::function<void(delivery<T>&)>& handler, std::size_t workers = 1) {
        out_.run(handler, workers);
    }
    void stop() { out_.stop(); }

    [[nodiscard]] queue& local() noexcept { return local_; }
    [[nodiscard]] const transfer& inward() const noexcept { return in_; }

    /// Ends the transfer, then the consumer, and closes the queue, all within the deadline. `timeout` when
    /// something was still held or had no answer.
    status close(deadline until) {
        const auto came = in_.close(until);
        const auto taken = out_.close(until);
        local_.close(until);
        return came == status::ok ? taken : came;
    }

private:
    queue local_;
    transfer in_;
    consumer<T> out_;
};

}  // namespace leat

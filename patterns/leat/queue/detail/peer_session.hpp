#pragma once

#include <leat/queue/detail/engine.hpp>
#include <leat/queue/detail/wire.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leat::detail {

class hosted_queue;

/// Bytes sent on a connection that its peer has not said that it has read (`seen`, W2). Marks one frame at a
/// time, so it may take up to twice as much for unread as is.
class unread_bytes {
public:
    void sent(std::uint64_t counter, std::uint64_t bytes) noexcept {
        sent_ += bytes;
        last_ = counter;
        if (marked_ == 0) mark();
    }
    void seen(std::uint64_t counter) noexcept {
        if (marked_ == 0 || counter < marked_) return;
        read_ = counter >= last_ ? sent_ : at_mark_;
        marked_ = 0;
        if (read_ < sent_) mark();
    }
    /// A new session on the same connection, whose WELCOME comes after all that was sent before.
    void begin() noexcept { marked_ = last_ = 0; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return sent_ - read_; }

private:
    void mark() noexcept {
        marked_ = last_;
        at_mark_ = sent_;
    }
    std::uint64_t sent_ = 0, read_ = 0, at_mark_ = 0;
    std::uint64_t last_ = 0, marked_ = 0;  // counters
};

/// A client's session, as its queue's host sees it.
struct peer_session {
    std::string routing;  ///< The ROUTER's name for its connection.
    std::uint64_t number = 0, in = 0, out = 0;
    wire::role as = wire::role::admin;
    std::shared_ptr<hosted_queue> queue;
    std::uint32_t handle = queueing::none;  ///< The engine's, of its holder or producer.
    queueing::ticks heard = 0;
    bool ended = false;
    bool unreachable = false;  ///< A send has failed: it ends with the pass.
    bool to_flush = false;
    std::uint8_t state = 0;  ///< As it was told last.
    unread_bytes unread;

    // A producer's.
    std::uint64_t granted = 0, received = 0;
    std::uint64_t need = 0;          ///< It has asked for so much in all, 0: for nothing.
    std::uint64_t asked = 0;         ///< Of that, beyond what had come.
    queueing::ticks need_since = 0;  ///< When that was granted.
    bool parked = false;
    std::vector<queueing::verdict_range> verdicts;
    std::optional<id128> stage;  ///< Its puts may have custody marks, which are of this one.

    // A consumer's.
    std::uint64_t credit_messages = 0, credit_bytes = 0;  ///< As it has said.
    std::uint64_t given_bytes = 0;                        ///< Of that, as delivered.
    bool held_back = false;  ///< Credit is not all of use while so much is unread.
    std::uint64_t applied = 0, stale = 0;
    std::uint64_t settle_committed =
        0;  ///< The counter of the last SETTLE that is as safe as the queue's puts,
    std::deque<std::pair<std::uint64_t, std::uint64_t>>
        uncommitted;  ///< and later ones, by the engine's number.
    bool settled = false;
    wire::ranges lost;  ///< Deliveries that it is to be told of.
};

using session_ptr = std::shared_ptr<peer_session>;

}  // namespace leat::detail

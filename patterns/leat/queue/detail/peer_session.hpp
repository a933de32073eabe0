#pragma once

#include <leat/queue/detail/engine.hpp>
#include <leat/queue/detail/wire.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace leat::detail {

class hosted_queue;

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

    // A producer's.
    std::uint64_t granted = 0, received = 0;
    std::uint64_t need = 0;          ///< It has asked for so much in all, 0: for nothing.
    queueing::ticks need_since = 0;  ///< When that was granted.
    bool parked = false;
    std::vector<queueing::verdict_range> verdicts;

    // A consumer's.
    std::uint64_t applied = 0, stale = 0, settle_counter = 0;
    bool settled = false;
    wire::ranges lost;  ///< Deliveries that it is to be told of.
};

using session_ptr = std::shared_ptr<peer_session>;

}  // namespace leat::detail

#pragma once

#include <leat/context.hpp>
#include <leat/deadline.hpp>
#include <leat/endpoint.hpp>
#include <leat/options.hpp>
#include <leat/queue/transfer.hpp>
#include <leat/status.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace leat {

/// How plain ZeroMQ peers, in any language, put into a queue or take from it.
enum class edge_kind : std::uint8_t {
    pull,  ///< What PUSH peers send is put. While the queue is full the socket is not read, and they wait.
    rep,   ///< What REQ peers ask is put, and answered once it is as safe as the queue promises.
    sub,   ///< Publications are put. The socket is always read: what finds no room is dropped, and counted.
    push,  ///< Each message goes to one of the PULL peers, and is acked when the socket has it.
};

[[nodiscard]] std::string_view to_string(edge_kind kind) noexcept;

struct edge_options {
    edge_kind kind = edge_kind::pull;
    queue_address queue = {};
    endpoints bind = {};
    endpoints connect = {};
    std::vector<std::string> topics = {};  ///< Of a `sub`: what publications begin with. None: all.

    /// How long `close` and the destructor wait for verdicts of what has come in.
    std::chrono::milliseconds linger = std::chrono::seconds{1};

    socket_options socket = {};  ///< Its `stop` is not used.

    /// @throws leat::error (`errc::bad_option`)
    void check() const;
};

struct edge_counts {
    std::uint64_t messages = 0;   ///< Stored, or handed out.
    std::uint64_t refused = 0;    ///< By the queue, for good or, at a `sub`, for now.
    std::uint64_t malformed = 0;  ///< Not of the frames that are due.
    std::uint64_t unput = 0;      ///< Read, and without room in the queue until the edge had ended.
};

/// One socket for plain peers beside a queue, in the queue's process or another one.
///
///     pull  one frame: a body
///     rep   one frame: a body; two: an id and a body. The answer is one frame of text: "ok SEQUENCE",
///           "duplicate" (with an id: it was stored before; as good as ok), or "error REASON TEXT", which
///           is also the answer to other frames
///     sub   one frame: a body; several, as most publishers send and leat's do: a topic, which becomes the
///           header `topic`, a body, and what else there is is left out
///     push  one frame: a body; its attributes are left out
///
/// What such a peer has sent is safe only once it is stored, which only `rep` tells it: what a `pull` or
/// `sub` has read and not put when its process dies is lost. A REQ that asks again after a timeout puts a
/// second message, unless it gives an id. Custody ends at a `push`: what the socket, the network or the peer
/// loses is gone; and a key is in order with one peer only.
///
/// Runs on a thread of its own. Thread-safe; only `close` and the destructor wait.
class edge {
public:
    /// Binds, and waits for nothing else.
    /// @throws leat::error: `bad_option`, `bad_endpoint`, and what `socket` throws.
    edge(context& ctx, edge_options options);
    ~edge();
    edge(edge&&) noexcept;
    edge& operator=(edge&&) noexcept;

    [[nodiscard]] const endpoints& bound() const noexcept;
    [[nodiscard]] edge_counts counts() const;

    /// Puts what has arrived, or hands out nothing any more, waits for verdicts, and ends it. `timeout` when
    /// some was not put or has no verdict: the latter may be stored or not.
    status close(deadline until);

private:
    class work;
    class incoming;
    class answering;
    class outgoing;
    std::unique_ptr<work> work_;
};

}  // namespace leat

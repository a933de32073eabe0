#pragma once

#include <leat/context.hpp>
#include <leat/reqrep/detail/serve.hpp>
#include <leat/reqrep/reply_options.hpp>
#include <leat/reqrep/responder.hpp>

#include <cstddef>
#include <memory>

namespace leat {

/// Answers requests: calls a handler for each one, on its own worker threads.
///
/// The handler takes the request and says by its form how it answers:
/// - `Rep f(const Req&)` returns the reply;
/// - `Rep f(const Req&, const open_request&)` also sees the caller's remaining time and its cancellation;
/// - `void f(const Req&, responder<Rep>)` answers when it likes, from any thread.
/// Instead of `const Req&` it may take `Req`: the request is its own to keep, or to send back.
/// A reply_error that it throws reaches the caller; any other exception does as an internal error, without
/// its text. With several workers it is called by as many threads at once. It should not take longer than the
/// caller waits.
///
/// What it promises: each request that was taken is answered once, with a reply or an error, unless its
/// caller has cancelled it or left. When `max_open` are open, more are refused at once. A request is not
/// handed to the handler once its time is up or its caller has given up.
///
/// Made and destroyed on any thread; the destructor is `stop(stop_within)`. It may outlive its context, which
/// ends it.
template <class Req, class Rep>
class replier {
public:
    /// Binds and starts the workers.
    /// @throws leat::error: `bad_option`, and what `socket::bind` and `socket::connect` throw.
    template <class Handler>
    replier(context& ctx, reply_options options, Handler handler)
        : core_(ctx, options, detail::serve<Req, Rep>(options.limits, std::move(handler))) {}

    /// Refuses what waits for a worker and what still comes, and waits until the rest is answered or the
    /// deadline. False when a handler or a responder had not answered by then; those callers get an error,
    /// the stop tokens of their requests are requested, and handlers have half a second more to return.
    /// Called again, it says the same. Not to be called by the handler.
    bool stop(deadline until) { return core_.stop(until); }

    /// Where it is bound, with the ports that the system picked.
    [[nodiscard]] const endpoints& bound() const noexcept { return core_.bound(); }

    /// Requests taken and not answered.
    [[nodiscard]] std::size_t open_requests() const { return core_.open_requests(); }
    [[nodiscard]] const reply_counts& counts() const noexcept { return core_.counts(); }
    [[nodiscard]] monitor& peers() const noexcept { return core_.peers(); }

private:
    detail::running_replier core_;
};

}  // namespace leat

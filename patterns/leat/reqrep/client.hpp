#pragma once

#include <leat/buffer.hpp>
#include <leat/codec.hpp>
#include <leat/context.hpp>
#include <leat/deadline.hpp>
#include <leat/reqrep/answer.hpp>
#include <leat/reqrep/call_counts.hpp>
#include <leat/reqrep/call_options.hpp>
#include <leat/reqrep/detail/completion.hpp>
#include <leat/status.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string_view>

namespace leat {

namespace detail {
class call_core;
}

/// Names an open call for `cancel`. 0 is none.
using call_id = std::uint64_t;

/// Connections to the servers of one service, for calls of any of its methods.
///
/// A handle: copies share the connections, and the last one to go ends all open calls as `cancelled`.
/// Thread-safe: any number of threads may call at the same time, each call ends exactly once, and a call made
/// by a thread that waits for it costs no second thread. It may outlive its context; calls then end as
/// `closed`.
///
/// How a server is chosen: the connected one with the fewest calls of this client in flight. A call waits for
/// one until its deadline. When a connection breaks, its calls end at once, as `peer_lost` or, if idempotent,
/// at another server. When nothing is heard of a call for three heartbeats, the same happens. What has ended
/// so is not given to the server when it comes back.
///
/// What travels is drawn in docs/protocol.md; a plain REP can be called with `plain`.
class client {
public:
    /// Binds, and starts to connect.
    /// @throws leat::error: `bad_option`, and what `socket::bind` and `socket::connect` throw.
    client(context& ctx, request_options options);

    /// Calls `method` and waits for the end of the call, until the deadline at the longest.
    template <class Rep, class Req>
    [[nodiscard]] answer<Rep> call(std::string_view method, Req&& request, deadline until,
                                   const call_options& how = {}) {
        return decoded<Rep>(call_bytes(method, encoded(std::forward<Req>(request)), until, how));
    }

    /// Calls `method`, and gives the end of the call to the future. Does not wait.
    template <class Rep, class Req>
    [[nodiscard]] std::future<answer<Rep>> async(std::string_view method, Req&& request, deadline until,
                                                 const call_options& how = {}, call_id* id = nullptr) {
        auto promise = std::make_unique<promised<Rep>>(*this);
        auto future = promise->future();
        const auto started =
            start(method, encoded(std::forward<Req>(request)), until, how, std::move(promise));
        if (id != nullptr) *id = started;
        return future;
    }

    /// Calls `method`, and has `done(answer<Rep>&&)` run once when the call has ended, or was refused: on the
    /// context's loop, so it must not block, or on the thread that ends the client. Only a call made after
    /// the context has closed has it run before this returns. It may make calls that do not wait. An
    /// exception of it ends the program.
    /// @returns 0 when the call was refused (`busy`, `closed`, or `cancelled` by a stop before)
    template <class Rep, class Req, class Done>
        requires std::invocable<Done&, answer<Rep>&&>
    call_id async(std::string_view method, Req&& request, deadline until, const call_options& how,
                  Done done) {
        return start(method, encoded(std::forward<Req>(request)), until, how,
                     std::make_unique<called_back<Rep, Done>>(*this, std::move(done)));
    }

    /// Ends an open call as `cancelled`, and tells its server. False when it has ended already.
    bool cancel(call_id id);

    /// Asks a server for a sign of life, past its workers and its backlog: the time that took.
    [[nodiscard]] answer<std::chrono::nanoseconds> ping(deadline until);

    /// Waits until `servers` servers (or relays) are connected.
    [[nodiscard]] status wait_ready(std::size_t servers, deadline until);

    /// Ends all open calls as `cancelled`, and all that are made later.
    void close();

    [[nodiscard]] std::size_t in_flight() const;
    [[nodiscard]] std::size_t servers() const;  ///< That are connected now.
    [[nodiscard]] const call_counts& counts() const noexcept;
    [[nodiscard]] const request_options& options() const noexcept;
    [[nodiscard]] const endpoints& bound() const noexcept;

private:
    template <class Rep>
    static answer<Rep> decoded(answer<bytes>&& raw, const decode_limits& limits) {
        if constexpr (std::same_as<Rep, bytes>) {
            return std::move(raw);
        } else {
            if (raw.why() == call_status::failed) return raw.failure();
            if (!raw) return raw.why();
            Rep value{};
            const auto wrong = decode(raw->view(), value, limits);
            if (wrong == decode_error::none) return answer<Rep>{std::move(value)};
            return undecodable(wrong);
        }
    }
    template <class Rep>
    answer<Rep> decoded(answer<bytes>&& raw) const {
        return decoded<Rep>(std::move(raw), options().limits);
    }

    template <class Req>
    static bytes encoded(Req&& request) {
        if constexpr (std::same_as<std::remove_cvref_t<Req>, bytes>) {
            static_assert(!std::is_lvalue_reference_v<Req>,
                          "bytes are moved into a call; share() keeps a copy");
            return std::forward<Req>(request);
        } else {
            buffer out;
            encode(request, out);
            return bytes{out.view()};
        }
    }

    template <class Rep>
    class promised : public detail::completion {
    public:
        explicit promised(const client& from) : completion(true), limits_(from.options().limits) {}
        [[nodiscard]] std::future<answer<Rep>> future() { return promise_.get_future(); }
        void run(answer<bytes>&& how) override {
            try {
                promise_.set_value(decoded<Rep>(std::move(how), limits_));
            } catch (...) {
                promise_.set_exception(std::current_exception());
            }
        }

    private:
        decode_limits limits_;
        std::promise<answer<Rep>> promise_;
    };

    template <class Rep, class Done>
    class called_back : public detail::completion {
    public:
        called_back(const client& from, Done done)
            : completion(false), limits_(from.options().limits), done_(std::move(done)) {}
        void run(answer<bytes>&& how) noexcept override { done_(decoded<Rep>(std::move(how), limits_)); }

    private:
        decode_limits limits_;
        Done done_;
    };

    static call_failure undecodable(decode_error why);
    [[nodiscard]] answer<bytes> call_bytes(std::string_view method, bytes&& body, deadline until,
                                           const call_options& how);
    call_id start(std::string_view method, bytes&& body, deadline until, const call_options& how,
                  std::unique_ptr<detail::completion> done);

    struct owner;
    std::shared_ptr<owner> owner_;
};

}  // namespace leat

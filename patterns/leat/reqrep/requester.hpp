#pragma once

#include <leat/reqrep/client.hpp>

#include <string>
#include <utility>

namespace leat {

/// Calls one method: sends a `Req`, and gets a `Rep` or the reason why there is none.
///
/// `Req` and `Rep` are types that msgpack knows, or `leat::bytes`. A handle like `client`, which says all
/// about threads, servers and ends; several requesters can share one client.
template <class Req, class Rep>
class requester {
public:
    /// @throws leat::error: `bad_option`, and what `socket::bind` and `socket::connect` throw.
    requester(context& ctx, request_options options) : requester(client{ctx, options}, options.method) {}

    /// Calls `method` over the connections of `through`.
    requester(client through, std::string method) : client_(std::move(through)), method_(std::move(method)) {}

    /// Sends `request` and waits for the end of the call, until the deadline at the longest.
    [[nodiscard]] answer<Rep> call(const Req& request, deadline until, const call_options& how = {})
        requires(!std::same_as<Req, bytes>)
    {
        return client_.call<Rep>(method_, request, until, how);
    }
    [[nodiscard]] answer<Rep> call(bytes&& request, deadline until, const call_options& how = {})
        requires std::same_as<Req, bytes>
    {
        return client_.call<Rep>(method_, std::move(request), until, how);
    }

    /// Starts a call, and gives its end to the future. `id`, if wanted, is for `cancel`.
    template <class Sent>
        requires std::convertible_to<Sent&&, Req>
    [[nodiscard]] std::future<answer<Rep>> async(Sent&& request, deadline until, const call_options& how = {},
                                                 call_id* id = nullptr) {
        return client_.async<Rep>(method_, Req(std::forward<Sent>(request)), until, how, id);
    }

    /// Starts a call, and has `done(answer<Rep>&&)` run at its end: see `client::async`.
    template <class Sent, class Done>
        requires std::convertible_to<Sent&&, Req> && std::invocable<Done&, answer<Rep>&&>
    call_id async(Sent&& request, deadline until, const call_options& how, Done done) {
        return client_.async<Rep>(method_, Req(std::forward<Sent>(request)), until, how, std::move(done));
    }

    bool cancel(call_id id) { return client_.cancel(id); }
    [[nodiscard]] answer<std::chrono::nanoseconds> ping(deadline until) { return client_.ping(until); }
    [[nodiscard]] status wait_ready(std::size_t servers, deadline until) {
        return client_.wait_ready(servers, until);
    }
    void close() { client_.close(); }

    [[nodiscard]] std::size_t in_flight() const { return client_.in_flight(); }
    [[nodiscard]] std::size_t servers() const { return client_.servers(); }
    [[nodiscard]] const call_counts& counts() const noexcept { return client_.counts(); }
    [[nodiscard]] const endpoints& bound() const noexcept { return client_.bound(); }

private:
    client client_;
    std::string method_;
};

}  // namespace leat

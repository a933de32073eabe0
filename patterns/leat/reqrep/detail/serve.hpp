#pragma once

#include <leat/codec.hpp>
#include <leat/context.hpp>
#include <leat/deadline.hpp>
#include <leat/reqrep/reply_options.hpp>
#include <leat/reqrep/responder.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace leat {
class monitor;
}

namespace leat::detail {

using untyped_handler = std::function<void(std::string_view method, bytes&& body, open_request&& of)>;

/// The untyped part of a replier: its core, stopped with this object.
class running_replier {
public:
    running_replier(context& ctx, reply_options options, untyped_handler run);
    ~running_replier();
    running_replier(const running_replier&) = delete;
    running_replier& operator=(const running_replier&) = delete;

    bool stop(deadline until);
    [[nodiscard]] const endpoints& bound() const noexcept;
    [[nodiscard]] std::size_t open_requests() const;
    [[nodiscard]] const reply_counts& counts() const noexcept;
    [[nodiscard]] monitor& peers() const noexcept;

private:
    std::shared_ptr<reply_core> core_;
};

[[nodiscard]] std::string text_of_bad_request(decode_error why);

/// Calls `handler` in whichever of its forms with a decoded request, and answers.
template <class Req, class Rep, class Handler>
void serve_one(Handler& handler, Req&& request, open_request&& of) {
    if constexpr (std::invocable<Handler&, Req, responder<Rep>>) {
        std::invoke(handler, std::forward<Req>(request), responder<Rep>{std::move(of)});
    } else {
        constexpr bool looks = std::is_invocable_r_v<Rep, Handler&, Req, const open_request&>;
        static_assert(
            looks || std::is_invocable_r_v<Rep, Handler&, Req>,
            "a handler is Rep(Req), Rep(Req, const open_request&) or void(Req, responder<Rep>), where "
            "Req may be const Req&");
        const auto run = [&]() -> Rep {
            if constexpr (looks)
                return std::invoke(handler, std::forward<Req>(request), static_cast<const open_request&>(of));
            else
                return std::invoke(handler, std::forward<Req>(request));
        };
        Rep reply = run();
        responder<Rep>{std::move(of)}.reply(std::move(reply));
    }
}

/// `handler` behind the untyped interface of a replier.
template <class Req, class Rep, class Handler>
[[nodiscard]] untyped_handler serve(const decode_limits& limits, Handler handler) {
    const auto shared = std::make_shared<Handler>(std::move(handler));
    return [limits, shared](std::string_view, bytes&& body, open_request&& of) {
        static_cast<void>(limits);  // bytes need none
        if constexpr (std::same_as<Req, bytes>) {
            serve_one<bytes, Rep>(*shared, std::move(body), std::move(of));
        } else {
            Req request{};
            if (const auto wrong = decode(body.view(), request, limits); wrong != decode_error::none) {
                of.fail(reply_code::bad_request, text_of_bad_request(wrong));
                return;
            }
            serve_one<Req, Rep>(*shared, std::move(request), std::move(of));
        }
    };
}

}  // namespace leat::detail

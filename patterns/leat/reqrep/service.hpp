#pragma once

#include <leat/context.hpp>
#include <leat/reqrep/detail/serve.hpp>
#include <leat/reqrep/reply_options.hpp>
#include <leat/reqrep/responder.hpp>
#include <leat/reqrep/service_description.hpp>

#include <functional>
#include <memory>
#include <string>

namespace leat {

/// Several methods by name on one endpoint, each with request and reply types of its own.
///
/// `leat::service s{ctx, "calculator", {.bind = ...}}; s.method<pair, int>("add", add); s.start();`
/// The methods share the workers and the bounds of `reply_options`, and everything that `replier` promises
/// holds. A request for a method that is not there is answered `reply_code::no_method`. `leat.describe` lists
/// the methods with their counts and latencies. A plain REQ, whose requests name no method, reaches the
/// method "".
///
/// Methods are added before `start`, by one thread; after it everything is as with a replier.
class service {
public:
    service(context& ctx, std::string name, reply_options options);
    ~service();
    service(const service&) = delete;
    service& operator=(const service&) = delete;

    /// Adds a method; the forms of `handler` are those of a replier.
    /// @throws leat::error (`errc::bad_option`): it has been started, the name is taken, longer than 255
    /// bytes, or begins with "leat."
    template <class Req, class Rep, class Handler>
    service& method(const std::string& name, Handler handler) {
        add(name, detail::serve<Req, Rep>(limits(), std::move(handler)));
        return *this;
    }

    /// Binds and starts the workers.
    /// @throws leat::error: `bad_option`, and what `socket::bind` and `socket::connect` throw.
    void start();

    /// As `replier::stop`. True when it was not started.
    bool stop(deadline until);

    /// Empty, or zero, before the start.
    [[nodiscard]] endpoints bound() const;
    [[nodiscard]] std::size_t open_requests() const;
    [[nodiscard]] service_description describe() const;

private:
    void add(const std::string& name, detail::untyped_handler&& handler);
    [[nodiscard]] const decode_limits& limits() const noexcept;

    struct state;
    const std::shared_ptr<state> state_;
};

}  // namespace leat

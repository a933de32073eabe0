#include <leat/forwarder/relay.hpp>

#include <leat/error.hpp>
#include <leat/forwarder/detail/relay_loop.hpp>

#include <algorithm>

namespace leat {
namespace {

struct roles {
    role in;
    role out;
};

roles roles_of(relay_kind kind) {
    switch (kind) {
        case relay_kind::streamer:
            return {role::pull, role::push};
        case relay_kind::pubsub:
            return {role::xsub, role::xpub};
        case relay_kind::reqrep:
            return {role::router, role::dealer};
    }
    throw error{errc::bad_option, "relay: unknown kind"};
}

relay_options checked(relay_options o) {
    o.check();
    if (o.name.empty()) o.name = to_string(o.kind);
    return o;
}

socket_options in_socket(const relay_options& o) {
    constexpr std::size_t no_limit = std::size_t{1} << 40;
    auto socket = o.in.socket;
    socket.stop = {};
    // Subscriptions beyond the mark would be cut in silence.
    if (o.kind == relay_kind::pubsub) socket.send_frames = 0;
    // The bound over all peers would let two clients that do not read take the room of all others.
    if (o.kind == relay_kind::reqrep) {
        socket.send_frames = socket.send_high_water_mark();
        socket.send_bytes = no_limit;
    }
    return socket;
}

socket_options out_socket(const relay_options& o, const relay_options::side& side) {
    auto socket = side.socket;
    socket.stop = {};
    socket.frame_bytes = std::max(socket.frame_bytes, o.coalesce / 2);
    return socket;
}

endpoints open(socket& s, const relay_options::side& side) {
    endpoints bound;
    for (const auto& at : side.bind) bound.push_back(s.bind(at));
    for (const auto& to : side.connect) s.connect(to);
    s.hand_over();
    return bound;
}

}  // namespace

relay::relay(context& ctx, relay_options options)
    : options_(checked(std::move(options))),
      in_(ctx, roles_of(options_.kind).in, in_socket(options_)),
      out_(ctx, roles_of(options_.kind).out, out_socket(options_, options_.out)) {
    // Downstream first: what comes in at once has where to go.
    if (!options_.capture.empty()) {
        capture_.emplace(ctx, role::push, out_socket(options_, options_.capture));
        capture_bound_ = open(*capture_, options_.capture);
    }
    out_bound_ = open(out_, options_.out);
    in_bound_ = open(in_, options_.in);
}

relay_report relay::run(const std::stop_token& stop) {
    if (has_run_) throw error{errc::closed, "relay " + options_.name + " has run before; make another one"};
    has_run_ = true;
    try {
        detail::relay_loop loop{options_, in_, out_, capture_ ? &*capture_ : nullptr, counts_};
        loop.run(stop);
        auto report = loop.drain(in_bound_);
        close();
        return report;
    } catch (...) {
        close();
        throw;
    }
}

void relay::close() noexcept {
    in_.close();
    out_.close();
    if (capture_) capture_->close();
}

}  // namespace leat

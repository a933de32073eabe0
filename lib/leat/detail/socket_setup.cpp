#include <leat/detail/socket_setup.hpp>

#include <leat/detail/context_state.hpp>
#include <leat/error.hpp>

#include <zmq.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>

namespace leat::detail {
namespace {

namespace sockopt = zmq::sockopt;

int type_of(role r) {
    constexpr std::array<int, 11> types{ZMQ_PAIR,   ZMQ_PUB,  ZMQ_SUB,  ZMQ_REQ,  ZMQ_REP, ZMQ_DEALER,
                                        ZMQ_ROUTER, ZMQ_PULL, ZMQ_PUSH, ZMQ_XPUB, ZMQ_XSUB};
    return types[static_cast<std::size_t>(r)];
}

/// Sets one option, with cppzmq's check at compile time that the value is of the option's type.
template <class Option, class Value>
void set(void* zmq, Option option, const Value& value) {
    try {
        zmq::socket_ref{zmq::from_handle, zmq}.set(option, value);
    } catch (const zmq::error_t& failure) {
        throw error{failure.num() == ETERM ? errc::closed : errc::bad_option,
                    "libzmq refuses a socket option: " + std::string{failure.what()}};
    }
}

void set_text(void* zmq, int option, const char* name, const std::string& value) {
    if (zmq_setsockopt(zmq, option, value.data(), value.size()) == 0) return;
    throw error{errc::bad_option,
                std::string{"option "} + name +
                    " is not a key in Z85: 40 characters of 0-9 a-z A-Z .-:+=^!/*?&<>()[]{}@%$#"};
}

void set_curve(void* zmq, const socket_options& o) {
    if (o.server) {
        set(zmq, sockopt::curve_server, 1);
        set_text(zmq, ZMQ_CURVE_SECRETKEY, "server.secret_key", o.server->secret_key);
    } else if (o.client) {
        set_text(zmq, ZMQ_CURVE_PUBLICKEY, "client.keys.public_key", o.client->keys.public_key);
        set_text(zmq, ZMQ_CURVE_SECRETKEY, "client.keys.secret_key", o.client->keys.secret_key);
        set_text(zmq, ZMQ_CURVE_SERVERKEY, "client.server_key", o.client->server_key);
    }
}

void set_all(void* zmq, role what, const socket_options& o) {
    const auto ms = [](auto d) { return static_cast<int>(std::chrono::milliseconds{d}.count()); };
    const auto seconds = [](auto d) { return static_cast<int>(d.count()); };
    set(zmq, sockopt::sndhwm, o.send_high_water_mark());
    set(zmq, sockopt::rcvhwm, o.receive_high_water_mark());
    set(zmq, sockopt::maxmsgsize, static_cast<std::int64_t>(o.max_message));
    set(zmq, sockopt::linger, ms(o.linger));
    set(zmq, sockopt::reconnect_ivl, ms(o.reconnect_first));
    set(zmq, sockopt::reconnect_ivl_max, ms(o.reconnect_cap));
    set(zmq, sockopt::handshake_ivl, ms(o.handshake));
    if (o.keepalive.idle.count() > 0) {
        set(zmq, sockopt::tcp_keepalive, 1);
        set(zmq, sockopt::tcp_keepalive_idle, seconds(o.keepalive.idle));
        set(zmq, sockopt::tcp_keepalive_intvl, seconds(o.keepalive.interval));
        set(zmq, sockopt::tcp_keepalive_cnt, o.keepalive.count);
    }
    if (o.heartbeat) {
        constexpr int missed = 3;
        set(zmq, sockopt::heartbeat_ivl, ms(*o.heartbeat));
        set(zmq, sockopt::heartbeat_timeout, missed * ms(*o.heartbeat));
    }
    set(zmq, sockopt::immediate, o.immediate ? 1 : 0);
    if (what == role::router) set(zmq, sockopt::router_mandatory, 1);
    if (what == role::pub || what == role::xpub) set(zmq, sockopt::xpub_nodrop, 1);
    set_curve(zmq, o);
}

/// Reads all events that are there; false once there will be no more.
bool drain(void* reader, monitor& peers) {
    for (;;) {
        message head, address;
        if (zmq_msg_recv(head.handle(), reader, ZMQ_DONTWAIT) < 0)
            return zmq_errno() == EAGAIN || zmq_errno() == EINTR;
        if (!head.more() || zmq_msg_recv(address.handle(), reader, ZMQ_DONTWAIT) < 0) return false;
        std::uint16_t event = 0;
        std::uint32_t value = 0;
        if (head.size() != sizeof event + sizeof value) return false;
        std::memcpy(&event, head.data(), sizeof event);
        std::memcpy(&value, head.data() + sizeof event, sizeof value);
        if (event == ZMQ_EVENT_MONITOR_STOPPED) return false;
        peers.on_zmq_event(event, value, std::string{address.text()});
    }
}

}  // namespace

void* open_socket(context_state& ctx, role what, const socket_options& options) {
    void* zmq = zmq_socket(ctx.zmq(), type_of(what));
    if (zmq == nullptr) {
        const auto kind = zmq_errno() == ETERM ? errc::closed : errc::no_resources;
        throw error{
            kind, "cannot open a " + std::string{to_string(what)} + " socket: " + zmq_strerror(zmq_errno())};
    }
    try {
        set_all(zmq, what, options);
    } catch (...) {
        zmq_close(zmq);
        throw;
    }
    return zmq;
}

void prepare_address_family(void* zmq, const endpoint& at) {
    const int v6 = at.via() == endpoint::transport::tcp && at.str().find('[') != std::string::npos ? 1 : 0;
    zmq_setsockopt(zmq, ZMQ_IPV6, &v6,
                   sizeof v6);  // the bind or connect that follows tells of a closed socket
}

endpoint with_ipc_path(const endpoint& at) {
    if (at.via() != endpoint::transport::ipc || !at.is_wildcard()) return at;
    std::random_device random;
    const auto name = "leat-" + std::to_string(random()) + "-" + std::to_string(random()) + ".sock";
    return endpoint{"ipc://" + (std::filesystem::temp_directory_path() / name).string()};
}

int why_not_bound(context_state& ctx, const endpoint& at) {
    const std::shared_ptr<void> probe{zmq_socket(ctx.zmq(), ZMQ_PAIR), [](void* zmq) { zmq_close(zmq); }};
    if (!probe) return zmq_errno();
    prepare_address_family(probe.get(), at);
    // Should it be free by now, it was in use.
    return zmq_bind(probe.get(), at.str().c_str()) == 0 ? EADDRINUSE : zmq_errno();
}

std::string last_endpoint(void* zmq) {
    std::array<char, 512> text{};
    std::size_t size = text.size();
    zmq_getsockopt(zmq, ZMQ_LAST_ENDPOINT, text.data(), &size);
    return text.data();
}

void attach_monitor(context_state& ctx, void* zmq, const std::shared_ptr<monitor>& peers) {
    const auto name = ctx.next_monitor_name();
    constexpr int wanted = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
                           ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                           ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                           ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_BIND_FAILED |
                           ZMQ_EVENT_MONITOR_STOPPED;
    const auto close = [peers](void* socket) {
        peers->close();
        zmq_close(socket);
    };
    std::shared_ptr<void> reader{zmq_socket(ctx.zmq(), ZMQ_PAIR), close};
    if (reader) {
        // libzmq's I/O thread would wait for room at the high-water mark.
        constexpr int most_unread = 100'000;
        set(reader.get(), sockopt::rcvhwm, most_unread);
        set(reader.get(), sockopt::linger, 0);
    }
    if (!reader || zmq_socket_monitor(zmq, name.c_str(), wanted) != 0 ||
        zmq_connect(reader.get(), name.c_str()) != 0) {
        const auto kind = zmq_errno() == ETERM ? errc::closed : errc::no_resources;
        throw error{kind, "cannot monitor a socket: " + std::string{zmq_strerror(zmq_errno())}};
    }
    auto& events = *ctx.shared_background();
    events.post([&events, reader, peers] {
        const auto which = std::make_shared<loop::id>();
        *which = events.watch_raw(reader.get(), [&events, reader, peers, which] {
            if (!drain(reader.get(), *peers)) events.cancel(*which);
        });
    });
}

}  // namespace leat::detail

#include <leat/options.hpp>

#include <leat/error.hpp>

#include <algorithm>
#include <limits>
#include <string>

namespace leat {
namespace {

constexpr std::size_t z85_key = 40;
constexpr std::size_t most_frames = 1'000'000;

[[noreturn]] void refuse(const std::string& text) {
    throw error{errc::bad_option, "option " + text};
}

void check_between(const char* name, auto value, decltype(value) low, decltype(value) high,
                   const char* unit) {
    if (value >= low && value <= high) return;
    refuse(std::string{name} + " is " + std::to_string(value) + unit + "; allowed are " +
           std::to_string(low) + " to " + std::to_string(high) + unit);
}

void check_key(const char* name, const std::string& key) {
    if (key.size() == z85_key) return;
    refuse(std::string{name} + " has " + std::to_string(key.size()) + " characters; a Z85 key has 40");
}

int frames(std::size_t bytes, std::size_t frame_bytes) {
    return static_cast<int>(std::clamp<std::size_t>(bytes / frame_bytes, 2, most_frames));
}

}  // namespace

int socket_options::send_high_water_mark() const noexcept {
    return send_frames.value_or(frames(send_bytes / 2, std::max<std::size_t>(frame_bytes, 1)));
}

int socket_options::receive_high_water_mark() const noexcept {
    return receive_frames.value_or(frames(receive_bytes, std::max<std::size_t>(frame_bytes, 1)));
}

void socket_options::check() const {
    constexpr std::size_t most_bytes = std::size_t{1} << 40;
    constexpr long long hour = 3'600'000;
    const auto ms = [](auto d) { return static_cast<long long>(std::chrono::milliseconds{d}.count()); };
    check_between("send_bytes", send_bytes, 64u << 10, most_bytes, " bytes");
    check_between("receive_bytes", receive_bytes, 1, most_bytes, " bytes");
    check_between("frame_bytes", frame_bytes, 1, std::size_t{1} << 31, " bytes");
    check_between("max_message", max_message, 1, most_bytes, " bytes");
    check_between("send_frames", send_frames.value_or(0), 0, std::numeric_limits<int>::max(), " frames");
    check_between("receive_frames", receive_frames.value_or(0), 0, std::numeric_limits<int>::max(),
                  " frames");
    check_between("linger", ms(linger), 0, hour, " ms");
    check_between("reconnect_first", ms(reconnect_first), 1, hour, " ms");
    check_between("reconnect_cap", ms(reconnect_cap), ms(reconnect_first), hour, " ms");
    check_between("handshake", ms(handshake), 1, hour, " ms");
    check_between("keepalive.idle", ms(keepalive.idle), 0, 24 * hour, " ms");
    check_between("keepalive.interval", ms(keepalive.interval), 1'000, 24 * hour, " ms");
    check_between("keepalive.count", keepalive.count, 1, 100, " probes");
    if (heartbeat) check_between("heartbeat", ms(*heartbeat), 10, 60'000, " ms");
    if (server && client)
        refuse("server and client are both set; a socket is a CURVE server or a client, not both");
    if ((server || client) && !has_curve()) refuse("server/client: this libzmq was built without CURVE");
    if (server) check_key("server.secret_key", server->secret_key);
    if (client) {
        check_key("client.keys.public_key", client->keys.public_key);
        check_key("client.keys.secret_key", client->keys.secret_key);
        check_key("client.server_key", client->server_key);
    }
}

}  // namespace leat

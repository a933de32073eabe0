#include <leat/monitor.hpp>

#include <leat/detail/wait.hpp>

#include <zmq.h>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace leat {
namespace {

using kind = connection_event::kind;

/// The address of the other side of a TCP connection, or nothing.
std::string peer_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return std::string{text.data()} + ":" + std::to_string(ntohs(v4.sin_port));
    }
    if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
        return "[" + std::string{text.data()} + "]:" + std::to_string(ntohs(v6.sin6_port));
    }
    return {};
}

std::string protocol_error(std::uint32_t code) {
    switch (code) {
        case ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO:
        case ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE:
        case ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY:
        case ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME:
        case ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR:
        case ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE:
        case ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED:
            return "the peer sent a malformed ZMTP command";
        case ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND:
            return "the peer sent an unexpected ZMTP command";
        case ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA:
            return "the peer's socket type or metadata does not fit";
        case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
            return "a CURVE key is wrong";
        case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
            return "one side uses CURVE and the other does not";
        default:
            return "ZMTP protocol error " + std::to_string(code);
    }
}

bool is_ipc(const std::string& endpoint) {
    return endpoint.starts_with("ipc://");
}

/// What the other side of a Unix socket has not read yet. Of a descriptor that is not one any more: false.
bool unread(int fd) {
    int bytes = 0;
    return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

constexpr const char* no_reason = "closed before the handshake ended";

}  // namespace

std::string_view to_string(kind k) noexcept {
    switch (k) {
        case kind::connected:
            return "connected";
        case kind::disconnected:
            return "disconnected";
        case kind::retrying:
            return "retrying";
        case kind::handshake_failed:
            return "handshake failed";
        case kind::accept_failed:
            return "accept failed";
        case kind::bind_failed:
            return "bind failed";
    }
    return "unknown";
}

std::size_t monitor::connected() const {
    const std::lock_guard lock{mutex_};
    return ready_;
}

status monitor::wait(deadline until, const std::stop_token& stop, const std::function<bool()>& come) const {
    std::unique_lock lock{mutex_};
    const auto over = [&] { return come() || closed_; };
    detail::wait(changed_, lock, until, over, stop);
    if (come()) return status::ok;
    if (stop.stop_requested()) return status::stopped;
    return closed_ ? status::closed : status::timeout;
}

status monitor::wait_connected(std::size_t n, deadline until, const std::stop_token& stop) const {
    return wait(until, stop, [&] { return ready_ >= n; });
}

status monitor::wait_event(deadline until, const std::stop_token& stop) const {
    return wait(until, stop, [&] { return !events_.empty(); });
}

std::vector<connection_event> monitor::take() {
    const std::lock_guard lock{mutex_};
    std::vector<connection_event> taken{std::make_move_iterator(events_.begin()),
                                        std::make_move_iterator(events_.end())};
    events_.clear();
    return taken;
}

void monitor::on_event(std::function<void()> tell) {
    const std::lock_guard lock{mutex_};
    tell_ = std::move(tell);
}

bool monitor::has_ipc() const {
    const std::lock_guard lock{mutex_};
    return std::any_of(by_endpoint_.begin(), by_endpoint_.end(),
                       [](const auto& at) { return is_ipc(at.first) && !at.second.empty(); });
}

bool monitor::ipc_unread() const {
    const std::lock_guard lock{mutex_};
    return std::any_of(by_endpoint_.begin(), by_endpoint_.end(), [](const auto& at) {
        return is_ipc(at.first) && std::any_of(at.second.begin(), at.second.end(),
                                               [](const auto& one) { return unread(one.fd); });
    });
}

void monitor::record(connection_event event) {
    if (events_.size() == most_events) events_.pop_front();
    events_.push_back(std::move(event));
    changed_.notify_all();
    if (tell_) tell_();
}

// The events of one connection carry its file descriptor, except that of a finished handshake: that one is
// given to the connection of the same endpoint that has waited longest.
void monitor::on_zmq_event(std::uint16_t event, std::uint32_t value, const std::string& endpoint) {
    const std::lock_guard lock{mutex_};
    const int fd = static_cast<int>(value);
    switch (event) {
        case ZMQ_EVENT_CONNECTED:
        case ZMQ_EVENT_ACCEPTED:
            by_endpoint_[endpoint].push_back({fd, peer_of(fd)});
            break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: {
            for (auto& one : by_endpoint_[endpoint]) {
                if (one.ready) continue;
                one.ready = true;
                ++ready_;
                counts_->connects.add();
                record({kind::connected, endpoint, one.peer, {}});
                break;
            }
            break;
        }
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            failed_.insert(endpoint);
            counts_->handshake_failures.add();
            record({kind::handshake_failed, endpoint, {}, no_reason});
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            failed_.insert(endpoint);
            counts_->handshake_failures.add();
            record({kind::handshake_failed, endpoint, {}, protocol_error(value)});
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            failed_.insert(endpoint);
            counts_->handshake_failures.add();
            record({kind::handshake_failed,
                    endpoint,
                    {},
                    "not allowed in (ZAP status " + std::to_string(value) + ")"});
            break;
        case ZMQ_EVENT_DISCONNECTED:
            on_disconnected(fd, endpoint);
            break;
        case ZMQ_EVENT_CONNECT_RETRIED:
            counts_->retries.add();
            record({kind::retrying, endpoint, {}, "next try in " + std::to_string(value) + " ms"});
            break;
        case ZMQ_EVENT_ACCEPT_FAILED:
            record({kind::accept_failed, endpoint, {}, zmq_strerror(fd)});
            break;
        case ZMQ_EVENT_BIND_FAILED:
            record({kind::bind_failed, endpoint, {}, zmq_strerror(fd)});
            break;
        default:
            break;
    }
}

void monitor::on_disconnected(int fd, const std::string& endpoint) {
    auto& connections = by_endpoint_[endpoint];
    const auto found =
        std::find_if(connections.begin(), connections.end(), [&](auto& one) { return one.fd == fd; });
    const bool ready = found != connections.end() && found->ready;
    const std::string peer = found != connections.end() ? found->peer : std::string{};
    if (found != connections.end()) connections.erase(found);
    const bool told = failed_.erase(endpoint) > 0;
    const auto mistaken = [&](auto& one) { return told && ready && !one.ready; };
    if (const auto real = std::find_if(connections.begin(), connections.end(), mistaken);
        real != connections.end()) {
        // The handshake that succeeded was that of another one.
        real->ready = true;
    } else if (ready) {
        --ready_;
        counts_->disconnects.add();
        record({kind::disconnected, endpoint, peer, {}});
    } else if (!told) {
        counts_->handshake_failures.add();
        record({kind::handshake_failed, endpoint, peer, no_reason});
    }
}

void monitor::on_inproc(bool joined, const std::string& endpoint) {
    const std::lock_guard lock{mutex_};
    joined ? ++ready_ : --ready_;
    (joined ? counts_->connects : counts_->disconnects).add();
    record({joined ? kind::connected : kind::disconnected, endpoint, {}, {}});
}

void monitor::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
}

}  // namespace leat

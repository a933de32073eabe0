#include <leat/reqrep/detail/server_set.hpp>

#include <leat/error.hpp>

#include <zmq.h>

#include <algorithm>
#include <cerrno>

namespace leat::detail {
namespace {

/// Room for all calls that may be open, so that a send fails only for want of a connection.
socket_options socket_options_of(const request_options& o) {
    constexpr int frames_a_call = 4, some_more = 1000;
    auto socket = o.socket;
    socket.immediate = true;
    socket.monitor = true;
    const int all = static_cast<int>(o.max_in_flight) * frames_a_call + some_more;
    if (!socket.send_frames) socket.send_frames = all;
    if (!socket.receive_frames) socket.receive_frames = all;
    // Both sides always read, so that heartbeats only end connections that are dead.
    constexpr std::chrono::milliseconds longest = std::chrono::seconds{60};  // that a socket may have
    if (!socket.heartbeat && !o.plain && o.heartbeat.count() > 0)
        socket.heartbeat = std::min(o.heartbeat, longest);
    // What is not sent at the end belongs to calls that have ended, but for their cancels.
    socket.linger = std::min(socket.linger, std::chrono::milliseconds{200});
    return socket;
}

}  // namespace

server_set::server_set(context& ctx, const request_options& options) {
    const auto how = socket_options_of(options);
    links_.reserve(options.connect.size() + 1);
    const auto add = [&](role what) -> server_link& {
        socket s{ctx, what, how};
        void* zmq = s.handle();
        const int fd = s.event_fd();
        return links_.emplace_back(server_link{std::move(s), zmq, fd, what == role::router});
    };
    for (const auto& to : options.connect) {
        servers_.push_back({links_.size(), {}, false, 0, {}});
        add(role::dealer).s.connect(to);
    }
    if (!options.bind.empty()) {
        auto& link = add(role::router);
        for (const auto& at : options.bind) bound_.push_back(link.s.bind(at));
    }
    for (auto& one : links_) one.s.hand_over();
}

std::int32_t server_set::pick(std::int32_t not_this, std::int32_t rather_not) noexcept {
    std::int32_t best = -1;
    const auto count = servers_.size();
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = turn_ + i < count ? turn_ + i : turn_ + i - count;
        const auto which = static_cast<std::int32_t>(at);
        if (!servers_[at].there || which == not_this) continue;
        const bool better = best < 0 || best == rather_not ||
                            (which != rather_not &&
                             servers_[at].in_flight < servers_[static_cast<std::size_t>(best)].in_flight);
        if (better) best = which;
    }
    if (++turn_ >= count) turn_ = 0;
    return best;
}

int server_set::send(server_entry& to, message& header, message& body) {
    auto& link = links_[to.link];
    if (link.routes) {
        message id = to.id.share();
        if (const int failure = send_frame(link.zmq, id, true); failure != 0) return failure;
    }
    if (const int failure = send_frame(link.zmq, header, true); failure != 0) return failure;
    message empty, last = body.share();
    int failure = send_frame(link.zmq, empty, true);
    if (failure == 0) failure = send_frame(link.zmq, last, false);
    // The connection broke between two frames. libzmq swallows the rest of such a message, up to a last
    // frame.
    if (failure == EAGAIN) {
        message end;
        static_cast<void>(send_frame(link.zmq, end, false));
    }
    return failure;
}

std::int32_t server_set::of(std::size_t link, const message& id, bool add) {
    std::int32_t unused = -1;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        auto& one = servers_[i];
        if (one.link != link) continue;
        if (one.there && one.id == id) return static_cast<std::int32_t>(i);
        if (!one.there && one.in_flight == 0) unused = static_cast<std::int32_t>(i);
    }
    if (!add) return -1;
    if (unused >= 0) {
        servers_[static_cast<std::size_t>(unused)] = {link, message{id.view()}, false, 0, {}};
        return unused;
    }
    if (servers_.size() >= most_joined) return -1;
    servers_.push_back({link, message{id.view()}, false, 0, {}});
    return static_cast<std::int32_t>(servers_.size() - 1);
}

void server_set::close() noexcept {
    for (auto& one : links_) {
        one.zmq = nullptr;
        one.s.close();
    }
    for (auto& one : servers_) one.there = false;
}

}  // namespace leat::detail

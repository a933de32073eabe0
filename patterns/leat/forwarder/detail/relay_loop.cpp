#include <leat/forwarder/detail/relay_loop.hpp>

#include <leat/error.hpp>
#include <leat/stop.hpp>

#include <poll.h>

#include <array>
#include <cerrno>

namespace leat::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t burst =
    1000;                      // messages in one direction before the other, and the stop, get their turn
constexpr auto quiet = 100ms;  // without news while draining: nothing more is on its way
constexpr auto rest = 100ms;   // for what is still there after the time to drain

deadline earlier(deadline a, deadline b) {
    return std::min(a.at(), b.at());
}

}  // namespace

relay_loop::relay_loop(const relay_options& options, socket& in, socket& out, socket* capture,
                       relay_metrics& counts)
    : options_(options),
      in_(in),
      out_(out),
      counts_(counts),
      mirror_(capture, counts),
      forward_(in, out, {.coalesce = options.coalesce}, counts, counts.forward, mirror_),
      in_fd_(in.event_fd()),
      out_fd_(out.event_fd()) {
    const bool replies = options.kind == relay_kind::reqrep;
    if (options.kind == relay_kind::streamer) return;
    back_.emplace(out, in, flow::rules{.drops = replies, .mirrored = replies}, counts, counts.back, mirror_);
}

void relay_loop::run(const std::stop_token& stop) {
    const stop_event stopping{stop};
    while (!stopping.stopped() && !closed()) {
        if (pump() == 0) wait(stopping.fd(), deadline::never());
    }
}

std::size_t relay_loop::pump() {
    std::size_t moved = forward_.pump(burst);
    if (back_) moved += back_->pump(burst);
    return moved;
}

/// Waits until a pump may move something; false when it did not come to that before `until` or the stop. A
/// ZMQ_FD tells only of news since the events were last asked for, so they are asked for first, each time.
bool relay_loop::wait(int stop_fd, deadline until) {
    const int in = events(in_), out = events(out_);
    if (closed()) return false;
    int pause = forward_.retry_after(in, out);
    if (back_) {
        // Of two pauses the shorter one; -1, for news only, is the longest.
        pause = static_cast<int>(
            std::min(static_cast<unsigned>(pause), static_cast<unsigned>(back_->retry_after(out, in))));
    }
    if (pause == 0) return true;
    const auto wake = pause < 0 ? until : earlier(until, std::chrono::milliseconds{pause});
    std::array<pollfd, 3> ready{{{in_fd_, POLLIN, 0}, {out_fd_, POLLIN, 0}, {stop_fd, POLLIN, 0}}};
    return ::poll(ready.data(), ready.size(), wake.poll_timeout()) > 0;
}

int relay_loop::events(socket& of) {
    int now = 0;
    std::size_t size = sizeof now;
    while (of.handle() != nullptr && zmq_getsockopt(of.handle(), ZMQ_EVENTS, &now, &size) != 0) {
        if (zmq_errno() == EINTR) continue;
        closed_ = true;
        break;
    }
    return now;
}

relay_report relay_loop::drain(const endpoints& in_bound) {
    relay_report report;
    report.name = options_.name;
    const deadline until = options_.drain;
    const deadline last = std::max(until.at(), deadline::clock::now()) + rest;
    move_rest(until);
    stop_listening(in_bound);
    while (!closed() && !last.passed() && pump() != 0) {
    }
    report.left = forward_.discard(last);
    wait_sent(until);
    report.ended = closed() ? relay_report::ending::closed : relay_report::ending::stopped;
    report.moved = counts_.forward.messages_out.value();
    report.returned = counts_.back.messages_out.value();
    report.unsent = out_.pending();
    report.peer_gone = counts_.dropped(drop_reason::peer_gone);
    report.peer_full = counts_.dropped(drop_reason::peer_full);
    report.capture_dropped = counts_.dropped(drop_reason::capture);
    return report;
}

void relay_loop::move_rest(deadline until) {
    while (!closed() && !until.passed()) {
        if (pump() != 0) continue;
        const bool waits = forward_.holds() || (back_ && back_->holds()) || owes();
        if (!wait(-1, waits ? until : earlier(until, quiet)) && !waits) return;
    }
}

/// Requests are out whose replies have not come.
bool relay_loop::owes() const noexcept {
    return options_.kind == relay_kind::reqrep &&
           counts_.forward.messages_out.value() > counts_.back.messages_in.value();
}

/// Not before: libzmq cuts the connections that came in over a TCP endpoint when it is unbound, and with them
/// what is on its way, and replies.
void relay_loop::stop_listening(const endpoints& bound) {
    for (const auto& at : bound) {
        try {
            in_.unbind(at);
        } catch (const error&) {  // it closes soon anyway
        }
    }
}

void relay_loop::wait_sent(deadline until) {
    constexpr int look_again = 1;  // ms; libzmq does not tell
    pollfd news{out_fd_, POLLIN, 0};
    while (!closed() && out_.pending() != 0 && !until.passed()) {
        ::poll(&news, 1, look_again);
        static_cast<void>(events(out_));
    }
}

}  // namespace leat::detail

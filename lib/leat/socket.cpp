#include <leat/socket.hpp>

#include <leat/detail/socket_setup.hpp>
#include <leat/detail/socket_state.hpp>
#include <leat/error.hpp>

#include <unistd.h>

#include <array>
#include <utility>

namespace leat {
namespace {

std::string file_of(const endpoint& ipc) {
    return ipc.str().substr(std::string_view{"ipc://"}.size());
}

[[noreturn]] void refuse_subscription(const std::string& call, role what, int failure) {
    if (detail::is_closed(failure)) throw error{errc::closed, call + ": the socket or its context is closed"};
    throw error{errc::bad_option,
                call + ": " + std::string{to_string(what)} + " sockets do not subscribe; sub sockets do"};
}

}  // namespace

std::string_view to_string(role r) noexcept {
    constexpr std::array<std::string_view, 11> names{"pair",   "pub",  "sub",  "req",  "rep", "dealer",
                                                     "router", "pull", "push", "xpub", "xsub"};
    return names[static_cast<std::size_t>(r)];
}

socket::socket(context& ctx, role what, socket_options options) {
    options.check();
    state_ = std::make_unique<state>(ctx.state_, what, std::move(options));
    auto& s = *state_;
    try {
        s.zmq = detail::open_socket(*s.ctx, what, s.options);
        std::size_t size = sizeof s.fd;
        zmq_getsockopt(s.zmq, ZMQ_FD, &s.fd, &size);
        if (!s.options.count_pending) s.meter->turn_off();
        if (s.options.monitor) detail::attach_monitor(*s.ctx, s.zmq, s.record->peers);
    } catch (...) {
        close();
        throw;
    }
}

socket::~socket() {
    close();
}
socket::socket(socket&& other) noexcept : state_(std::move(other.state_)) {
    hand_over();
}
socket& socket::operator=(socket&& other) noexcept {
    close();
    state_ = std::move(other.state_);
    hand_over();
    return *this;
}

void socket::close() noexcept {
    if (!state_ || state_->closed) return;
    auto& s = *state_;
    s.closed = true;
    s.ctx->remove(s.record);
    for (const auto& file : s.files) ::unlink(file.c_str());
    if (s.zmq == nullptr) return;
    const detail::closed_socket closed{std::exchange(s.zmq, nullptr), s.record, s.options.linger};
    const bool only_receives = s.what == role::pull || s.what == role::sub || s.what == role::xsub;
    only_receives ? detail::close_now(closed) : s.ctx->close(closed);
}

endpoint socket::bind(const endpoint& wanted) {
    const endpoint at = detail::with_ipc_path(wanted);
    auto& s = *state_;
    s.claim();
    if (!at.is_local() && !s.options.insecure && !s.options.server) {
        throw error{errc::insecure_bind,
                    "bind " + at.str() +
                        ": other machines could reach it. Set CURVE keys (options.server), "
                        "bind 127.0.0.1, or say insecure"};
    }
    detail::prepare_address_family(s.zmq, at);
    if (zmq_bind(s.zmq, at.str().c_str()) != 0) {
        if (detail::is_closed(zmq_errno()))
            throw error{errc::closed, "bind " + at.str() + ": the context is closed"};
        throw error{errc::bind_failed,
                    "bind " + at.str() + ": " + zmq_strerror(detail::why_not_bound(*s.ctx, at))};
    }
    endpoint bound{detail::last_endpoint(s.zmq)};
    s.ctx->note_endpoint(*s.record, bound.str(), true);
    if (bound.via() == endpoint::transport::ipc && wanted.is_wildcard()) s.files.push_back(file_of(bound));
    if (bound.via() != endpoint::transport::inproc) return bound;
    s.meter->turn_off();
    s.ctx->inproc_bound(s.record, bound.str());
    return bound;
}

void socket::connect(const endpoint& to) {
    auto& s = *state_;
    s.claim();
    if (to.is_wildcard()) {
        throw error{errc::bad_endpoint,
                    "connect " + to.str() + ": a * can only be bound; name what the other side has bound"};
    }
    detail::prepare_address_family(s.zmq, to);
    if (zmq_connect(s.zmq, to.str().c_str()) != 0) {
        if (detail::is_closed(zmq_errno()))
            throw error{errc::closed, "connect " + to.str() + ": the context is closed"};
        throw error{errc::connect_failed, "connect " + to.str() + ": " + zmq_strerror(zmq_errno())};
    }
    s.ctx->note_endpoint(*s.record, to.str(), true);
    if (to.via() != endpoint::transport::inproc) return;
    s.meter->turn_off();
    s.ctx->inproc_connected(s.record, to.str());
}

void socket::unbind(const endpoint& at) {
    auto& s = *state_;
    s.claim();
    if (zmq_unbind(s.zmq, at.str().c_str()) != 0) {
        throw error{errc::bad_endpoint, "unbind " + at.str() + ": " + zmq_strerror(zmq_errno())};
    }
    s.ctx->note_endpoint(*s.record, at.str(), false);
    if (at.via() == endpoint::transport::ipc && std::erase(s.files, file_of(at)) > 0)
        ::unlink(file_of(at).c_str());
    if (at.via() == endpoint::transport::inproc) s.ctx->inproc_unbound(s.record, at.str());
}

void socket::disconnect(const endpoint& from) {
    auto& s = *state_;
    s.claim();
    if (zmq_disconnect(s.zmq, from.str().c_str()) != 0) {
        throw error{errc::bad_endpoint, "disconnect " + from.str() + ": " + zmq_strerror(zmq_errno())};
    }
    s.ctx->note_endpoint(*s.record, from.str(), false);
    if (from.via() == endpoint::transport::inproc) s.ctx->inproc_disconnected(s.record, from.str());
}

void socket::subscribe(std::string_view prefix) {
    state_->check_owner();
    if (zmq_setsockopt(state_->zmq, ZMQ_SUBSCRIBE, prefix.data(), prefix.size()) != 0)
        refuse_subscription("subscribe", what(), zmq_errno());
}

void socket::unsubscribe(std::string_view prefix) {
    state_->check_owner();
    if (zmq_setsockopt(state_->zmq, ZMQ_UNSUBSCRIBE, prefix.data(), prefix.size()) != 0)
        refuse_subscription("unsubscribe", what(), zmq_errno());
}

status socket::wait_connected(std::size_t n, deadline until) const {
    if (!state_->options.monitor)
        throw error{errc::bad_option, "wait_connected: the socket was made with monitor = false"};
    return peers().wait_connected(n, until, state_->options.stop);
}

monitor& socket::peers() const noexcept {
    return *state_->record->peers;
}
metrics& socket::counts() const noexcept {
    return *state_->counts;
}
std::uint64_t socket::pending() const noexcept {
    return state_->meter->pending();
}

void socket::hand_over() noexcept {
    // The caller orders the two threads' uses, so this need not.
    if (state_) state_->record->owner.store(std::thread::id{}, std::memory_order_relaxed);
}

const socket_options& socket::options() const noexcept {
    return state_->options;
}
role socket::what() const noexcept {
    return state_->what;
}
std::string socket::name() const {
    return state_->ctx->name_of(*state_->record);
}
void* socket::handle() const noexcept {
    return state_->zmq;
}
int socket::event_fd() const noexcept {
    return state_->fd;
}

}  // namespace leat

#include <leat/reqrep/detail/call_core.hpp>

#include <zmq.h>

#include <algorithm>
#include <cerrno>

namespace leat::detail {
namespace {

constexpr auto never = open_call::time::max();

/// A number from 0 to 1 that spreads retries.
double jitter(std::uint64_t seed) {
    seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;  // splitmix64's finalizer (Steele et al.)
    seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
    return static_cast<double>((seed ^ (seed >> 31)) >> 11) * 0x1.0p-53;
}

std::uint32_t milliseconds_left(open_call::time until, open_call::time now) {
    if (until == never) return call_header::no_deadline;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - now).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, call_header::no_deadline - 1));
}

}  // namespace

/// Sends the call's request to some server, or a second one; when none can take it, it waits for one.
void call_core::place(index which, bool second) {
    auto& call = calls_[which];
    call.retry_at = never;
    look();  // which may place it by itself
    if (!call.open || call.placed() != second) return;
    auto& with = call.attempts[0].active() ? call.attempts[1] : call.attempts[0];
    send_to_one(which, with);
    set_timer(which);
}

bool call_core::send_to_one(index which, attempt& with) {
    auto& call = calls_[which];
    auto& other = &with == &call.attempts[0] ? call.attempts[1] : call.attempts[0];
    const auto chosen = servers_.pick(other.server, call.avoid);
    if (chosen < 0) return false;
    auto& server = servers_.all()[static_cast<std::size_t>(chosen)];
    const auto now = deadline::clock::now();
    const auto number = static_cast<std::uint8_t>(call.tries + 1);
    call_header header;
    header.kind = static_cast<std::uint8_t>(call.kind);
    header.session = session_;
    header.call = calls_.id(which, number);
    header.remaining_ms = milliseconds_left(call.until, now);
    header.heartbeat_ms = options_.plain ? 0 : static_cast<std::uint32_t>(options_.heartbeat.count());
    header.sent_ms = wall_clock_ms();
    header.method = call.method;
    const bool with_others = gathers(call, server);
    if (!with_others) {
        send_gathered(static_cast<std::size_t>(chosen));
        message frame = write_header(header, scratch_);
        const int failure = servers_.send(server, frame, call.body);
        unread(server.link);
        if (failure != 0) {
            if (failure == ETERM || failure == ENOTSOCK) {
                end_all(call_status::closed);
            } else if (servers_.links()[server.link].routes) {
                server.there = false;
            }
            return false;
        }
    }
    if (call.tries > 0) (other.active() ? counts_.hedges : counts_.retries).add();
    call.tries = number;
    call.heard = now;
    with = {chosen, number};
    ++server.in_flight;
    if (with_others) gather(static_cast<std::size_t>(chosen), header, call);
    return true;
}

void call_core::place_waiting() {
    for (index i = 0; i < calls_.slots(); ++i) {
        if (calls_[i].open && !calls_[i].placed() && calls_[i].retry_at == never) place(i);
    }
}

/// The attempt's server is not to be counted on any more; with `tell` it is told.
void call_core::end_attempt(index which, attempt& with, bool tell) {
    if (!with.active()) return;
    const auto at = static_cast<std::size_t>(with.server);
    auto& server = servers_.all()[at];
    --server.in_flight;
    const auto number = with.number;
    with = {};
    if (!tell || options_.plain || !server.there) return;
    send_gathered(at);
    call_header header;
    header.kind = static_cast<std::uint8_t>(call_kind::cancel);
    header.session = session_;
    header.call = calls_.id(which, number);
    message frame = write_header(header, scratch_), nothing;
    static_cast<void>(servers_.send(server, frame, nothing));
    unread(server.link);
}

/// The server of this attempt is gone, or has not been heard of.
void call_core::lose(index which, attempt& with) {
    auto& call = calls_[which];
    call.avoid = with.server;
    end_attempt(which, with, true);
    if (call.placed()) return set_timer(which);
    if (!call.idempotent || call.tries >= call.retry.attempts) return finish(which, call_status::peer_lost);
    call.refused = call_status::peer_lost;
    place(which);
}

/// The server has said that it will not handle the request.
void call_core::refuse(index which, attempt& with, call_failure&& why) {
    auto& call = calls_[which];
    const bool stopping = why.is(reply_code::stopping);
    call.avoid = with.server;
    end_attempt(which, with, false);
    if (call.placed()) return set_timer(which);
    if (call.tries >= call.retry.attempts || !(stopping || call.retry.overloaded))
        return finish(which, std::move(why));
    const auto elsewhere = [&](auto& one) {
        return one.there && &one != &servers_.all()[static_cast<std::size_t>(call.avoid)];
    };
    if (stopping && std::any_of(servers_.all().begin(), servers_.all().end(), elsewhere)) return place(which);
    const auto now = deadline::clock::now();
    const auto doublings = std::min(call.tries - 1, 20);
    const auto pause =
        std::min<std::chrono::nanoseconds>(call.retry.first * (std::int64_t{1} << doublings), call.retry.cap);
    const auto half = std::chrono::duration_cast<deadline::clock::duration>(pause / 2);
    const auto spread = jitter((std::uint64_t{session_} << 32) + calls_.id(which, call.tries));
    call.retry_at = now + half + std::chrono::duration_cast<deadline::clock::duration>(half * spread);
    call.refused = std::move(why);
    set_timer(which);
}

void call_core::lose_all_of(std::size_t server) {
    auto& entry = servers_.all()[server];
    entry.takes_batches = false;
    take_back(server);
    for (index i = 0; i < calls_.slots() && entry.in_flight > 0; ++i) {
        for (auto& one : calls_[i].attempts) {
            if (calls_[i].open && one.server == static_cast<std::int32_t>(server)) lose(i, one);
        }
    }
}

}  // namespace leat::detail

#include <leat/reqrep/detail/call_core.hpp>

#include <leat/reqrep/detail/failure_body.hpp>

#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace leat::detail {
namespace {

/// How many messages are read before others get the mutex.
constexpr int most_at_once = 1024;

/// Of those, from one link before it is another's turn.
constexpr int most_of_one = 256;

}  // namespace

/// Notes that the link may have messages of which poll(2) will not tell.
void call_core::unread(std::size_t link) {
    if (std::exchange(servers_.links()[link].unread, true)) return;
    unread_.push_back(link);
}

void call_core::all_unread() {
    for (std::size_t i = 0; i < servers_.links().size(); ++i) unread(i);
}

/// Reads what is unread; what is then still unread is for the next one who reads.
void call_core::read_unread() {
    for (int left = most_at_once; !unread_.empty() && left > 0 && !closed_;) {
        const auto link = unread_.front();
        unread_.pop_front();
        servers_.links()[link].unread = false;
        left -= read(link, std::min(left, most_of_one));
    }
}

/// Reads until nothing is unread, so that no call ends whose answer has come. A server that never stops
/// sending does not hold that up: the bound is an answer, and a sign of life, for each open call.
void call_core::read_before_ends() {
    const auto turns = 1 + 2 * calls_.size() / most_at_once;
    for (std::size_t i = 0; i < turns && !unread_.empty() && !closed_; ++i) read_unread();
}

/// Reads up to `most` messages; returns how many, and notes the link as unread when that was not all.
int call_core::read(std::size_t link, int most) {
    for (int count = 0; count < most; ++count) {
        const int failure = incoming_.receive(servers_.links()[link].zmq);
        if (failure == ETERM || failure == ENOTSOCK) end_all(call_status::closed);
        if (failure != 0) return count;
        on_message(link);
        count += std::exchange(parts_read_, 0);
        if (closed_) return std::min(count, most);
    }
    unread(link);
    return most;
}

/// Reads what is there now, however much that is.
void call_core::read_all(std::size_t link) {
    constexpr int enough = 1'000'000;
    for (int count = 0; count < enough && !closed_;) {
        const int got = read(link, most_at_once);
        count += got;
        if (got < most_at_once) return;
    }
}

void call_core::on_message(std::size_t link) {
    // [id] of a server that has connected, header, empty, body
    const bool routes = servers_.links()[link].routes;
    const std::size_t at = routes ? 1 : 0;
    if (incoming_.too_many() || incoming_.size() != at + 3 || !incoming_[at + 1].empty())
        return drop(refusal::malformed);
    call_header header;
    if (!read_header(incoming_[at], header)) return drop(refusal::bad_header);
    switch (header.what()) {
        case call_kind::hello:
        case call_kind::bye:
            return routes ? on_server(link, header, incoming_[0]) : drop(refusal::bad_header);
        case call_kind::batch: {
            // A part may make this read further messages.
            message id = std::move(incoming_[0]);
            const message body = std::move(incoming_[at + 2]);
            const bool whole = call_batch::each(body, [&](const call_header& one, message&& part) {
                on_part(link, one, id, part);
                ++parts_read_;
                return !closed_;
            });
            return whole ? void() : drop(refusal::malformed);
        }
        default:
            return on_part(link, header, incoming_[0], incoming_[at + 2]);
    }
}

/// A message that is not a batch, or a part of one.
void call_core::on_part(std::size_t link, const call_header& header, message& id, message& body) {
    switch (header.what()) {
        case call_kind::request:  // given back by a plain REP, as the next one
        case call_kind::ping:
        case call_kind::reply:
        case call_kind::error:
        case call_kind::alive:
        case call_kind::pong:
            return on_answer(link, header, id, body);
        default:
            return drop(refusal::bad_header);
    }
}

void call_core::on_answer(std::size_t link, const call_header& header, message& id, message& body) {
    if (header.session != session_) return drop(refusal::foreign);
    if (header.what() == call_kind::pong && header.call == 0) return hear(link, id);  // of a probe
    auto* call = calls_.find(header.call);
    const auto number = call_table::attempt_of(header.call);
    attempt* with = nullptr;
    for (std::size_t i = 0; call != nullptr && i < call->attempts.size(); ++i) {
        if (call->attempts[i].active() && call->attempts[i].number == number) with = &call->attempts[i];
    }
    if (with == nullptr) {
        hear(link, id);
        return drop(refusal::late);
    }
    // Only the server that was asked may answer.
    auto& server = servers_.all()[static_cast<std::size_t>(with->server)];
    if (server.link != link || (servers_.links()[link].routes && !(server.id == id)))
        return drop(refusal::foreign);

    if (servers_.links()[link].routes) server.heard = deadline::clock::now();
    if (header.what() == call_kind::reply || header.what() == call_kind::error)
        server.takes_batches = header.takes_batches();
    const auto which = call_table::index_of(header.call);
    switch (header.what()) {
        case call_kind::alive:
            call->heard = deadline::clock::now();
            return;
        case call_kind::error: {
            call_failure why;
            if (!read_failure(body, why)) {
                drop(refusal::bad_body);
                why = {static_cast<std::int32_t>(reply_code::bad_answer),
                       "an error reply without a code and a text"};
            }
            if (why.is(reply_code::stopping) || why.is(reply_code::overloaded))
                return refuse(which, *with, std::move(why));
            end_attempt(which, *with, false);
            return finish(which, std::move(why));
        }
        default:
            end_attempt(which, *with, false);
            return finish(which, std::move(body));
    }
}

/// A server that has connected says that it is there, or that it leaves.
void call_core::on_server(std::size_t link, const call_header& header, const message& id) {
    const bool comes = header.what() == call_kind::hello;
    const auto found = servers_.of(link, id, comes);
    if (found < 0) return;
    auto& server = servers_.all()[static_cast<std::size_t>(found)];
    server.heard = deadline::clock::now();
    server.speaks_each = std::max(options_.heartbeat, header.speaks_each());
    if (server.there == comes) return;
    server.there = comes;
    servers_changed_.notify_all();
    if (comes) place_waiting();
}

void call_core::hear(std::size_t link, const message& id) {
    if (!servers_.links()[link].routes) return;
    const auto found = servers_.of(link, id, false);
    if (found >= 0) servers_.all()[static_cast<std::size_t>(found)].heard = deadline::clock::now();
}

/// Asks libzmq which servers that have connected are still there: a ROUTER refuses to send to others.
void call_core::probe(std::size_t link) {
    call_header header;
    header.kind = static_cast<std::uint8_t>(call_kind::ping);
    header.session = session_;
    for (std::size_t i = 0; i < servers_.all().size(); ++i) {
        auto& server = servers_.all()[i];
        if (server.link != link || (!server.there && server.in_flight == 0)) continue;
        message frame = write_header(header, scratch_), nothing;
        if (servers_.send(server, frame, nothing) == 0) continue;
        server.there = false;
        servers_changed_.notify_all();
        lose_all_of(i);
    }
    unread(link);
}

/// libzmq tells of a lost connection some time before its ROUTER refuses to send to it.
void call_core::probe_again(std::size_t link, std::chrono::milliseconds pause) {
    constexpr std::chrono::milliseconds longest{1000};
    if (pause > longest) return;
    events_.post([weak = weak_from_this(), link, pause] {
        const auto self = weak.lock();
        if (!self) return;
        self->events_.after(pause, [weak, link, pause] {
            const auto alive = weak.lock();
            if (!alive) return;
            lock held{alive->mutex_};
            if (alive->closed_) return;
            alive->looking_ = true;
            alive->probe(link);
            alive->looking_ = false;
            alive->probe_again(link, 2 * pause);
            alive->leave(held);
        });
    });
}

/// Servers that have connected say so again and again.
void call_core::forget_silent(std::size_t link) {
    const auto now = deadline::clock::now();
    for (auto& server : servers_.all()) {
        if (server.link == link && server.heard < now - heartbeats_to_loss * server.speaks_each)
            server.there = false;
    }
}

}  // namespace leat::detail

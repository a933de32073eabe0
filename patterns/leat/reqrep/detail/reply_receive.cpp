#include <leat/reqrep/detail/reply_core.hpp>

#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

namespace leat::detail {

/// Reads up to `most` messages, with `until_request` until one is a request that waits. False when the socket
/// is empty.
bool reply_core::read(int most, bool until_request) {
    const auto waiting_before = requests_.waiting();
    for (int i = 0; i < most; ++i) {
        const int failure = incoming_.receive(zmq_);
        if (failure == ETERM || failure == ENOTSOCK) end();
        if (failure != 0) return false;
        on_message();
        i += std::exchange(parts_read_, 0);
        if (until_request && requests_.waiting() > waiting_before) return true;
    }
    return true;
}

void reply_core::on_message() {
    // routing id, those of relays, [header], empty, body
    std::size_t empty = 1;
    while (empty < incoming_.size() && !incoming_[empty].empty()) ++empty;
    call_header header;
    const bool has_header =
        empty >= 2 && empty < incoming_.size() && read_header(incoming_[empty - 1], header);
    const auto envelope = has_header ? empty - 1 : empty;
    const auto* mine = has_header ? &header : nullptr;
    if (incoming_.too_many() || empty + 2 != incoming_.size()) {
        counts_.malformed.add();
        // A plain REQ that sends several frames would wait for ever.
        if (!incoming_.too_many() && empty < incoming_.size())
            sent(send_back(envelope, mine, call_kind::error,
                           write_failure(static_cast<std::int32_t>(reply_code::bad_request),
                                         "a request has one frame")));
        return;
    }
    if (!has_header) return on_request(envelope, nullptr, incoming_.back());
    switch (header.what()) {
        case call_kind::request:
            return on_request(envelope, &header, incoming_.back());
        case call_kind::cancel:
            return on_cancel(header);
        case call_kind::batch:
            return on_batch(envelope, incoming_.back());
        case call_kind::ping:
            counts_.pings.add();
            return static_cast<void>(send_back(envelope, &header, call_kind::pong, {}));
        default:
            counts_.malformed.add();
    }
}

/// Several requests of one peer.
void reply_core::on_batch(std::size_t envelope, const message& body) {
    bool good = envelope == 1;
    const bool whole = good && call_batch::each(body, [&](const call_header& header, message&& part) {
                           ++parts_read_;
                           good = header.what() == call_kind::request;
                           if (good) on_request(envelope, &header, part, true);
                           return good;
                       });
    if (!good || !whole) counts_.malformed.add();
}

void reply_core::on_request(std::size_t envelope, const call_header* header, message& body, bool in_batch) {
    if (stopping_) return refuse(envelope, header, reply_code::stopping, "the server is stopping");
    if (header != nullptr && is_stale(*header, envelope)) {
        counts_.stale.add();
        return refuse(
            envelope, header, reply_code::stale,
            "the request came after its caller had given up; it has waited on its way, or the clocks of "
            "the two hosts differ");
    }
    const auto now = deadline::clock::now();
    if (requests_.full()) make_room(now);
    if (requests_.full()) {
        counts_.overloaded.add();
        return refuse(envelope, header, reply_code::overloaded, "the server has too many open requests");
    }
    const auto which =
        header != nullptr ? requests_.open(header->session, header->call) : requests_.open(0, ++plain_calls_);
    auto& request = requests_[which];
    request.plain = header == nullptr;
    request.in_batch = in_batch;
    request.until = time::max();
    request.heartbeat = {};
    request.method.clear();
    if (header != nullptr) {
        if (header->remaining_ms != call_header::no_deadline)
            request.until = now + std::chrono::milliseconds{header->remaining_ms};
        request.heartbeat = std::chrono::milliseconds{header->heartbeat_ms};
        request.method.assign(header->method);
    }
    request.told = now;
    request.body = std::move(body);
    request.peer = incoming_[0].share();  // others of its batch need it
    for (std::size_t i = 1; i < envelope; ++i) request.relays.push_back(std::move(incoming_[i]));
    requests_.wait(which);
    counts_.requests.add();
    if (request.plain) counts_.plain.add();
    begin_ticks();
}

/// Refuses those whose time is up, as far as they are the first that wait: mostly all of them are. Others
/// that are behind one that has time are found at the next look for signs of life.
void reply_core::make_room(time now) {
    while (requests_.waiting() > 0 && requests_[requests_.first_waiting()].until <= now)
        refuse_late(requests_.first_waiting());
}

/// Whether the caller of a request that came through a relay has given up by now. Without relays it cannot
/// have waited: libzmq drops what is unsent when a connection breaks.
bool reply_core::is_stale(const call_header& header, std::size_t envelope) const {
    if (envelope < 2) return false;
    auto patience = std::numeric_limits<std::int64_t>::max();
    if (header.remaining_ms != call_header::no_deadline) patience = header.remaining_ms;
    if (header.heartbeat_ms > 0) patience = std::min(patience, heartbeats_to_loss * header.heartbeat_ms);
    if (patience == std::numeric_limits<std::int64_t>::max()) return false;
    const auto age = static_cast<std::int32_t>(wall_clock_ms() - header.sent_ms);
    return age > patience + options_.max_clock_skew.count();
}

void reply_core::on_cancel(const call_header& header) {
    const auto which = requests_.find(header.session, header.call, incoming_[0]);
    if (which == request_table::none || requests_[which].cancelled) return;
    counts_.cancelled.add();
    give_up(which);
}

}  // namespace leat::detail

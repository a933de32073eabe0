#include <leat/reqrep/detail/reply_core.hpp>

#include <zmq.h>

#include <cerrno>
#include <chrono>
#include <ctime>

namespace leat::detail {
namespace {

/// The steady clock to within some ms, at a fifth of the cost.
deadline::clock::time_point about_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return deadline::clock::time_point{std::chrono::seconds{now.tv_sec} +
                                       std::chrono::nanoseconds{now.tv_nsec}};
}

}  // namespace

/// 0, or libzmq's errno, and then nothing was sent: a ROUTER refuses with the first frame or takes all.
int reply_core::send_message(message& id, std::span<message> relays, const call_header* header,
                             message& body) {
    if (const int failure = send_frame(zmq_, id, true); failure != 0) return failure;
    for (auto& one : relays) static_cast<void>(send_frame(zmq_, one, true));
    if (header != nullptr) {
        message frame = write_header(*header, scratch_);
        static_cast<void>(send_frame(zmq_, frame, true));
    }
    message empty;
    static_cast<void>(send_frame(zmq_, empty, true));
    return send_frame(zmq_, body, false);
}

bool reply_core::answer(std::uint64_t ticket, call_kind kind, bytes&& body) {
    lock held{mutex_};
    auto* request = requests_.of(ticket);
    if (request == nullptr) return false;
    bool done = false;
    if (!request->cancelled && !ended_) {
        (kind == call_kind::reply ? counts_.answered : counts_.failed).add();
        const bool wait = others_follow(*request);
        if (request->in_batch && body.size() <= call_batch::largest_body && (wait || !gathered_.empty())) {
            gather(*request, kind, body);
            if (!wait || gathered_.full()) send_gathered();
            done = true;
        } else {
            send_gathered();
            done = send_answer(*request, kind, std::move(body));
        }
    }
    requests_.close(static_cast<index>(ticket));
    if (stopping_) drained_.notify_all();
    leave(held);
    return done;
}

/// Whether the answer to a request that came with others may wait for theirs: this worker goes on with one of
/// the same method now, and the handler has been quick. Should it be slow then, a tick of the loop sends what
/// waits.
bool reply_core::others_follow(const taken_request& to) {
    constexpr std::chrono::microseconds quick{50};
    return to.in_batch && requests_.waiting() > 0 && !stopping_ && running_here.of == this &&
           requests_[requests_.first_waiting()].method == to.method &&
           deadline::clock::now() - running_here.since < quick;
}

void reply_core::gather(taken_request& to, call_kind kind, const bytes& body) {
    has_gathered_ = true;
    if (gathered_.empty()) {
        gathered_for_ = std::move(to.peer);
    } else if (!(gathered_for_ == to.peer)) {
        send_gathered();
        gathered_for_ = std::move(to.peer);
    }
    call_header header;
    header.kind = static_cast<std::uint8_t>(kind);
    header.session = to.session;
    header.call = to.call;
    header.set_takes_batches();
    gathered_.add(header, body);
}

void reply_core::send_gathered() {
    if (gathered_.empty()) return;
    last_answer_ = about_now();
    const auto count = gathered_.size();
    call_header header;
    header.kind = static_cast<std::uint8_t>(call_kind::batch);
    message body = gathered_.take();
    const int failure = send_message(gathered_for_, {}, &header, body);
    if (failure != 0) (failure == EAGAIN ? counts_.peer_full : counts_.peer_gone).add(count);
}

/// Refuses a request that was taken.
void reply_core::finish(index which, reply_code code, std::string_view text) {
    counts_.failed.add();
    static_cast<void>(send_answer(requests_[which], call_kind::error,
                                  write_failure(static_cast<std::int32_t>(code), text)));
    requests_.close(which);
    drained_.notify_all();
}

/// Refuses one that waits.
void reply_core::refuse_late(index which) {
    counts_.stale.add();
    finish(which, reply_code::too_late, "its time was up before a worker was free");
}

/// Notes how the sending of an answer went; true when it was taken.
bool reply_core::sent(int failure) noexcept {
    if (failure == 0) return true;
    (failure == EAGAIN ? counts_.peer_full : counts_.peer_gone).add();
    return false;
}

bool reply_core::send_answer(taken_request& to, call_kind kind, bytes&& body) {
    last_answer_ = about_now();
    call_header header;
    header.kind = static_cast<std::uint8_t>(kind);
    header.session = to.session;
    header.call = to.call;
    if (to.relays.empty() && call_batch::fits(options_.socket)) header.set_takes_batches();
    return sent(send_message(to.peer, to.relays, to.plain ? nullptr : &header, body));
}

/// Answers the message that was just read: 0, or libzmq's errno.
int reply_core::send_back(std::size_t envelope, const call_header* header, call_kind kind, bytes&& body) {
    message id = incoming_[0].share();  // others of its batch need it
    call_header back;
    back.kind = static_cast<std::uint8_t>(kind);
    if (header != nullptr) {
        back.session = header->session;
        back.call = header->call;
    }
    if (envelope == 1 && call_batch::fits(options_.socket)) back.set_takes_batches();
    return send_message(id, incoming_.range(1, envelope), header != nullptr ? &back : nullptr, body);
}

void reply_core::refuse(std::size_t envelope, const call_header* header, reply_code code,
                        std::string_view text) {
    counts_.failed.add();
    last_answer_ = about_now();
    sent(send_back(envelope, header, call_kind::error, write_failure(static_cast<std::int32_t>(code), text)));
}

/// Tells the requesters that it has joined that it is there, or leaves.
void reply_core::announce(call_kind kind) {
    call_header header;
    header.kind = static_cast<std::uint8_t>(kind);
    if (kind == call_kind::hello) header.set_speaks_each(options_.heartbeat);
    for (auto& one : joined_) {
        message id = one.share(), nothing;
        static_cast<void>(send_message(id, {}, &header, nothing));
    }
}

}  // namespace leat::detail

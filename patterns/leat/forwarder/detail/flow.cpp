#include <leat/forwarder/detail/flow.hpp>

#include <algorithm>

namespace leat::detail {

std::size_t flow::pump(std::size_t budget) {
    std::size_t moved = 0;
    auto how = status::ok;
    if (rules_.mirrored) capture_.refresh();
    while (moved < budget && how == status::ok) {
        if (hand_.empty()) how = take();
        if (how != status::ok) break;
        const auto messages = hand_.messages();
        how = pass();
        if (how == status::ok) moved += messages;
    }
    closed_ = how == status::closed;
    return moved;
}

status flow::take() {
    const auto how = joiner_.receive(from_, hand_);
    if (how != status::ok) return how;
    counts_.messages_in.add(hand_.messages());
    counts_.bytes_in.add(hand_.bytes());
    if (rules_.mirrored) capture_.show(hand_);
    return how;
}

status flow::pass() {
    const auto messages = hand_.messages();
    const auto how = hand_.send(to_);
    if (how == status::ok) {
        tries_ = 0;
        if (messages > 1) all_.batches.add();
        counts_.messages_out.add(messages);
        counts_.bytes_out.add(hand_.bytes());
    } else if (how != status::closed && rules_.drops) {
        all_.drop(how == status::no_peer ? drop_reason::peer_gone : drop_reason::peer_full);
        hand_.clear();
        return status::ok;
    } else if (tries_ == 0) {
        tries_ = 1;
        all_.waits.add();
    }
    return how;
}

// A socket that polls as writable and still took nothing is an XPUB, which always does, or one whose bytes
// are bounded, not its frames. Neither says when it has room, so it is asked again at once, since asking for
// the events may have made room, and then after 1, 2, 4, 8, 8, ... ms.
int flow::retry_after(int from_events, int to_events) {
    if (hand_.empty()) return (from_events & ZMQ_POLLIN) != 0 ? 0 : -1;
    if ((to_events & ZMQ_POLLOUT) == 0) return -1;
    const int pause = tries_ <= 1 ? 0 : 1 << std::min(tries_ - 2, 3);
    ++tries_;
    return pause;
}

std::uint64_t flow::discard(deadline until) {
    std::uint64_t dropped = hand_.messages();
    hand_.clear();
    // The joiner may still hold one that it has received.
    while (!until.passed() && joiner_.receive(from_, hand_) == status::ok) {
        counts_.messages_in.add(hand_.messages());
        counts_.bytes_in.add(hand_.bytes());
        dropped += hand_.messages();
        hand_.clear();
    }
    all_.drop(drop_reason::shutdown, dropped);
    return dropped;
}

}  // namespace leat::detail

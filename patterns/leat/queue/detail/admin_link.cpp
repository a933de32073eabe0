#include <leat/queue/detail/admin_link.hpp>

#include <leat/error.hpp>

namespace leat::detail {

leat::status admin_link::wait(std::uint64_t& token, wire::command expects, open_question& one,
                              deadline until) {
    lock held{mutex_};
    token = ++last_token_;
    one.expects = expects;
    refusal_.clear();  // of an earlier question; the link goes on trying
    const auto at = open_.emplace(token, &one).first;
    send_unsent();
    leave(held);
    held.lock();
    const auto over = [&] {
        return closed_ || one.is == phase::answered || one.is == phase::broken || !refusal_.empty();
    };
    await(held, until, over);
    open_.erase(at);
    if (one.is == phase::answered) return leat::status::ok;
    if (closed_) return leat::status::closed;
    if (one.is == phase::broken) return leat::status::no_peer;
    if (!refusal_.empty()) throw error{errc::connect_failed, name() + ": " + refusal_};
    return leat::status::timeout;
}

void admin_link::send_unsent() {
    for (const auto& [token, one] : open_) {
        if (one->is != phase::unsent || !up()) continue;
        one->is = phase::sent;  // before: a send that fails ends the session
        one->send();
    }
}

bool admin_link::welcomed(const wire::welcome&) {
    refusal_.clear();
    send_unsent();
    return true;
}

void admin_link::session_ended() {
    for (const auto& [token, one] : open_) {
        if (one->is == phase::sent) one->is = one->again ? phase::unsent : phase::broken;
    }
    tell_all();
}

bool admin_link::received(wire::command what, std::span<const std::byte> header, message& body) {
    wire::answer_beginning begins;
    if (!wire::read(header, begins)) return false;
    const auto found = open_.find(begins.token);
    if (found == open_.end()) return true;  // nobody waits for it any more
    auto& one = *found->second;
    if (one.is != phase::sent || one.expects != what) return true;
    if (!one.take(header)) return false;
    *one.body = std::move(body);
    one.is = phase::answered;
    tell_all();
    return true;
}

/// The question that waits is told; the link tries again for the next one.
void admin_link::refused(const wire::error& frame) {
    refusal_ = frame.text.empty() ? "it was refused" : frame.text;
    tell_all();
}

}  // namespace leat::detail

#include <leat/queue/queue_admin.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/admin_link.hpp>
#include <leat/queue/detail/figures.hpp>
#include <leat/queue/detail/shown.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace leat {
namespace {

namespace wire = detail::wire;

/// Adds what an answer shows to `all`, each with its part of the bodies.
template <class Answer, class Shown>
bool take(const Answer& answer, const message& body, std::vector<Shown>& all) {
    if (!wire::valid(answer, body.size())) return false;
    std::size_t at = 0;
    for (const auto& one : answer.all) {
        all.push_back(detail::shown(one, body.view().subspan(at, one.size)));
        at += one.size;
    }
    return true;
}

result<wire::done> operate(detail::admin_link& link, wire::operation what, deadline until,
                           const letter_selection& which = {}, std::uint64_t most = 0) {
    wire::operate ask;
    ask.what = static_cast<std::uint8_t>(what);
    ask.which = detail::selected(which);
    ask.most = most;
    wire::done answer;
    message none;
    if (const auto how = link.ask(std::move(ask), answer, none, false, until); how != status::ok) return how;
    return answer;
}

}  // namespace

void admin_options::check() const {
    if (queue.empty() || queue.size() > 255)
        throw error{errc::bad_option, "admin option queue has to be 1 to 255 bytes"};
    socket.check();
}

queue_admin::queue_admin(context& ctx, const endpoint& at, admin_options options)
    : link_(std::make_shared<detail::admin_link>(ctx, at, options)) {
    link_->begin();
}

queue_admin::queue_admin(context& ctx, std::string_view at, admin_options options)
    : queue_admin(ctx, endpoint{at}, std::move(options)) {}

queue_admin::~queue_admin() {
    if (link_) link_->close();
}

queue_admin::queue_admin(queue_admin&&) noexcept = default;

queue_admin& queue_admin::operator=(queue_admin&& other) noexcept {
    if (this == &other) return *this;
    if (link_) link_->close();
    link_ = std::move(other.link_);
    return *this;
}

result<queue_stat> queue_admin::stat(deadline until) {
    wire::status answer;
    message none;
    if (const auto how = link_->ask(wire::stat{}, answer, none, true, until); how != status::ok) return how;
    return detail::stat_of(answer);
}

result<std::vector<waiting_message>> queue_admin::peek(std::size_t most, deadline until) {
    wire::peek ask;
    ask.most = most;
    wire::messages answer;
    message body;
    std::vector<waiting_message> all;
    if (const auto how = link_->ask(ask, answer, body, true, until); how != status::ok) return how;
    take(answer, body, all);
    return all;
}

result<std::vector<dead_letter>> queue_admin::dead_letters(const letter_selection& which, std::size_t most,
                                                           deadline until) {
    std::vector<dead_letter> all;
    wire::letters ask;
    ask.which = detail::selected(which);
    wire::dead answer;
    do {
        answer = {};
        message body;
        ask.most = most - all.size();
        if (const auto how = link_->ask(ask, answer, body, true, until); how != status::ok) return how;
        if (!take(answer, body, all) || answer.all.empty()) break;
        ask.which.after = answer.all.back().seq;
    } while (answer.more && all.size() < most);
    return all;
}

result<redrive_report> queue_admin::redrive(const letter_selection& which, std::uint64_t most,
                                            deadline until) {
    const auto done = operate(*link_, wire::operation::redrive, until, which, most);
    if (!done) return done.why();
    return redrive_report{done->count, done->left};
}

result<std::uint64_t> queue_admin::purge(deadline until) {
    const auto done = operate(*link_, wire::operation::purge, until);
    if (!done) return done.why();
    return done->count;
}

result<std::uint64_t> queue_admin::purge_dead_letters(deadline until) {
    const auto done = operate(*link_, wire::operation::purge_dead, until);
    if (!done) return done.why();
    return done->count;
}

status queue_admin::pause_puts(bool on, deadline until) {
    return operate(*link_, on ? wire::operation::pause_puts : wire::operation::resume_puts, until).why();
}

status queue_admin::pause_takes(bool on, deadline until) {
    return operate(*link_, on ? wire::operation::pause_takes : wire::operation::resume_takes, until).why();
}

}  // namespace leat

// How queues leave, and the endpoint with the last of them.
//
// What their clients were told last is to be read before the connection is cut: a libzmq socket with
// ZMQ_IMMEDIATE forgets what it has not read when it hears that its peer has gone (socket_base_t::hiccuped
// terminates the pipe). So the socket stays until each of them has said HELLO again or BYE, or has gone.

#include <leat/queue/detail/queue_host.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace leat::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_parting = 1s;  // as the linger of a socket
constexpr auto between_looks = 50ms;

}  // namespace

void queue_host::remove(const std::shared_ptr<hosted_queue>& which, leat::deadline until,
                        std::shared_ptr<end_of> done) {
    const auto at = queues_.find(which->name());
    if (at == queues_.end() || at->second != which) return;
    std::vector<session_ptr> theirs;
    for (const auto& [routing, s] : sessions_) {
        if (&s->queue->main_queue() == which.get()) theirs.push_back(s);
    }
    tell_settled();  // of the last outcomes, for which the close has waited
    for (const auto& s : theirs) {
        if (tell_closed(s->routing, s->number, ++s->out)) told_.insert_or_assign(s->routing, s->number);
        end(s);
    }
    which->when_idle.clear();
    std::erase(active_, which);
    queues_.erase(at);
    if (!queues_.empty() || closed_) return;
    when_closed_.push_back(std::move(done));
    close_when_heard(std::min(until.at(), leat::deadline{longest_parting}.at()));
}

bool queue_host::tell_closed(std::string_view routing, std::uint64_t session, std::uint64_t counter) {
    return refuse(routing, session, wire::error_code::no_queue, "the queue is closed", counter);
}

void queue_host::heard_of_close(std::string_view routing) {
    if (const auto one = told_.find(routing); one != told_.end()) told_.erase(one);
}

/// Telling them again shows who has gone.
void queue_host::close_when_heard(leat::deadline until) {
    if (closed_ || !queues_.empty()) return;
    if (!until.passed())
        std::erase_if(told_, [&](const auto& one) { return !tell_closed(one.first, one.second, 0); });
    if (told_.empty() || until.passed()) return close();
    events_->after(between_looks, [weak = weak_from_this(), until] {
        if (const auto self = weak.lock()) self->close_when_heard(until);
    });
}

void queue_host::close() {
    closed_ = true;
    for (const auto one : {watch_, timer_, end_}) events_->cancel(one);
    router_.close();
    when_closed_.clear();
}

void queue_host::on_loop_end() {
    if (closed_) return;
    closed_ = true;
    puts_.clear();
    sessions_.clear();
    needy_.clear();
    settled_.clear();
    served_.reset();
    for (const auto& [name, which] : queues_) {  // which hold on to each other
        for (auto* one : {which.get(), which->dead().get()}) {
            if (one == nullptr) continue;
            one->producers.clear();
            one->consumers.clear();
            one->uncommitted.clear();
        }
        which->when_idle.clear();
    }
    router_.hand_over();
    router_.close();
    when_closed_.clear();
}

}  // namespace leat::detail

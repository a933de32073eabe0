// What comes in from clients.

#include <leat/queue/detail/queue_host.hpp>

#include <leat/queue/detail/client_link.hpp>
#include <leat/queue/detail/head.hpp>
#include <leat/queue/detail/id_octets.hpp>

#include <algorithm>

namespace leat::detail {
namespace {

using queueing::ticks;

constexpr std::size_t most_sessions = 65'536;

}  // namespace

void queue_host::on_message(ticks now) {
    // The ROUTER's name for the connection, the header, and for some commands a body.
    if (incoming_.size() < 2 || incoming_.size() > 3) return count(fault::malformed);
    const auto routing = incoming_[0].text();
    const auto header = incoming_[1].view();
    message none;
    auto& body = incoming_.size() == 3 ? incoming_[2] : none;
    const auto what = wire::command_of(header);
    const auto found = sessions_.find(routing);
    const auto s = found == sessions_.end() ? nullptr : found->second;
    if (what == wire::command::hello || what == wire::command::bye) heard_of_close(routing);
    if (what == wire::command::hello) return on_hello(routing, header, now);
    wire::beginning begins;
    if (!what || !wire::read(header, begins)) {
        if (s) return fail(s, fault::malformed, wire::error_code::bad_frame, "no frame of this protocol");
        return count(fault::malformed);
    }
    if (!s || begins.at.session != s->number) {
        count(fault::no_session);
        if (strays_.take(routing, now))
            refuse(routing, begins.at.session, wire::error_code::session_lost, "no such session");
        return;
    }
    if (begins.at.seen > s->out)
        return fail(s, fault::out_of_sequence, wire::error_code::out_of_sequence,
                    "it has seen frame " + std::to_string(begins.at.seen) + " of " + std::to_string(s->out));
    if (begins.at.counter != s->in + 1) {
        return fail(s, fault::out_of_sequence, wire::error_code::out_of_sequence,
                    "frame " + std::to_string(begins.at.counter) + " came after " + std::to_string(s->in));
    }
    s->in = begins.at.counter;
    s->heard = now;
    s->unread.seen(begins.at.seen);
    touch(*s->queue, now);
    if (s->as == wire::role::consumer) s->queue->engine().heard(s->handle);
    if (s->held_back) credit(*s);
    on_command(s, *what, header, body, now);
}

/// L5, as far as its connection has room: a consumer that does not read is not fed.
void queue_host::credit(peer_session& s) {
    const auto most = most_unread() / 2;
    const auto all = s.given_bytes + (most - std::min(most, s.unread.bytes()));
    s.held_back = all < s.credit_bytes;
    s.queue->engine().grant(s.handle, s.credit_messages, std::min(all, s.credit_bytes));
}

void queue_host::on_command(const session_ptr& s, wire::command what, std::span<const std::byte> header,
                            message& body, ticks now) {
    auto& engine = s->queue->engine();
    const bool producer = s->as == wire::role::producer, consumer = s->as == wire::role::consumer;
    bool good = true;
    switch (what) {
        case wire::command::put:
            good = producer && on_put(s, incoming_[1], body);
            break;
        case wire::command::settle:
            good = consumer && on_settle(s, header, now);
            if (good) flush_later(s);
            break;
        case wire::command::credit: {
            wire::credit frame;
            good = consumer && wire::read(header, frame);
            if (!good) break;
            s->credit_messages = std::max(s->credit_messages, frame.messages);
            s->credit_bytes = std::max(s->credit_bytes, frame.bytes);
            credit(*s);
            break;
        }
        case wire::command::need: {
            wire::need frame;
            good = producer && wire::read(header, frame) && on_need(s, frame.bytes);
            break;
        }
        case wire::command::resume:
            good = producer;
            if (good) engine.set_in_order(s->handle, true);
            break;
        case wire::command::extend: {
            wire::extend frame;
            good = consumer && wire::read(header, frame) && wire::valid(frame.except);
            if (!good) break;
            numbers_.clear();
            for (const auto& r : frame.except) numbers_.push_back({r.first, r.last});
            engine.extend(s->handle, numbers_);
            break;
        }
        case wire::command::ping: {
            wire::ping frame;
            good = wire::read(header, frame);
            if (!good) break;
            wire::pong answer;
            answer.token = frame.token;
            send(*s, answer);
            break;
        }
        case wire::command::stat:
        case wire::command::peek:
        case wire::command::letters:
        case wire::command::operate:
            good = on_question(*s, what, header);
            break;
        case wire::command::bye:
            if (producer) {  // after its puts
                auto one =
                    spare_puts_.empty() ? std::make_unique<pending_put>() : std::move(spare_puts_.back());
                if (!spare_puts_.empty()) spare_puts_.pop_back();
                one->from = s;
                one->bye = true;
                puts_.push_back(std::move(one));
                break;
            }
            if (consumer) {
                engine.bye(s->handle);
                s->queue->consumers.erase(s->handle);
                s->handle = queueing::none;
            }
            end(s);
            break;
        default: {  // of a later version: answered, and the session goes on
            count(fault::unknown);
            if (!strays_.take(s->routing, now)) break;
            wire::error answer;
            answer.code = static_cast<std::uint8_t>(wire::error_code::unknown_command);
            answer.text = "command " + std::to_string(static_cast<int>(what)) + " is not known";
            answer.goes_on = true;
            send(*s, answer);
        }
    }
    if (!good && !s->ended)
        fail(s, fault::malformed, wire::error_code::bad_frame,
             "command " + std::to_string(static_cast<int>(what)) +
                 " was malformed, or not this role's to send");
}

bool queue_host::on_settle(const session_ptr& s, std::span<const std::byte> header, ticks now) {
    if (!wire::read(header, settle_) || !wire::valid(settle_.groups)) return false;
    const auto before = s->applied + s->stale;
    const auto number = settle(*s, s->handle, settle_.groups);
    s->queue->settle_batches.add(s->applied + s->stale - before);
    if (s->queue->engine().rules().durability != durability::commit) {
        s->settle_committed = s->in;
    } else if (number > 0) {
        if (s->uncommitted.empty()) s->queue->uncommitted.push_back(s);
        s->uncommitted.emplace_back(number, s->in);
    }
    settled_later(s, now);
    return true;
}

void queue_host::settled_later(const session_ptr& s, ticks now) {
    if (std::exchange(s->settled, true)) return;
    settled_.push_back(s);
    settled_due_ = std::min(settled_due_, now + settled_delay);
}

/// Returns the engine's number of the last one; 0 when there is none.
std::uint64_t queue_host::settle(peer_session& s, std::uint32_t holder,
                                 const std::vector<wire::settlement>& groups) {
    auto& engine = s.queue->engine();
    std::uint64_t number = 0;
    for (const auto& group : groups) {
        numbers_.clear();
        for (const auto& r : group.deliveries) numbers_.push_back({r.first, r.last});
        queueing::settle_result result;
        if (group.outcome == wire::settlement::given_up) {
            result = engine.give_up(holder, numbers_);
        } else {
            std::optional<ticks> delay;
            if (group.delay) delay = static_cast<ticks>(std::min(*group.delay, longest_ms)) * 1'000'000;
            result = engine.settle(holder, static_cast<outcome>(group.outcome), numbers_, delay, group.text);
        }
        s.applied += result.applied;
        s.stale += result.stale;
        number = result.number;
    }
    return number;
}

void queue_host::on_hello(std::string_view routing, std::span<const std::byte> header, ticks now) {
    if (!hellos_.take(routing, now)) return count(fault::too_often);
    wire::hello frame;
    if (!wire::read(header, frame) || !wire::valid(frame)) {
        count(fault::malformed);
        wire::beginning begins;
        const auto session = wire::read(header, begins) ? begins.at.session : 0;
        refuse(routing, session, wire::error_code::bad_frame, "HELLO is malformed");
        return;
    }
    const auto answer_with = [&](wire::error_code code, const std::string& text) {
        count(fault::refused);
        refuse(routing, frame.at.session, code, text);
    };
    if (frame.least > wire::version || frame.most < wire::version)
        return answer_with(wire::error_code::bad_version, "this queue speaks version 1");
    const auto q = queue_named(frame.queue);
    if (!q)
        return answer_with(wire::error_code::no_queue, "there is no queue named " + frame.queue + " here");
    if (q->is_dead() && frame.as == static_cast<std::uint8_t>(wire::role::producer))
        return answer_with(wire::error_code::not_permitted, "nobody puts to dead letters");
    unread_bytes unread;
    if (const auto old = sessions_.find(routing); old != sessions_.end()) {
        unread = old->second->unread;
        end(session_ptr{old->second});
    }
    if (sessions_.size() >= most_sessions)
        return answer_with(wire::error_code::too_many_sessions,
                           "this endpoint has as many sessions as it takes");

    touch(*q, now);
    auto s = std::make_shared<peer_session>();
    s->routing = routing;
    s->number = frame.at.session;
    if (const auto left = left_unread_.find(routing); left != left_unread_.end()) {
        unread = left->second.bytes;
        left_unread_.erase(left);
    }
    unread.begin();
    s->unread = unread;
    s->in = 1;
    s->as = static_cast<wire::role>(frame.as);
    s->queue = q;
    s->heard = now;
    const auto& rules = q->engine().rules();
    const auto& begin = q->engine().begin();
    wire::welcome answer;
    answer.queue_id = octets_of(begin.queue);
    answer.opening = begin.number;
    answer.salt = begin.salt;
    answer.lease = ms_of(rules.lease);
    answer.session_timeout = ms_of(rules.session_timeout);
    answer.max_hold = ms_of(rules.max_hold);
    answer.max_message = rules.max_message;
    answer.promise = static_cast<std::uint8_t>(*rules.durability);
    const auto id = id_of(frame.client);
    if (s->as == wire::role::producer) welcome_producer(s, frame, id, answer);
    if (s->as == wire::role::consumer) welcome_consumer(s, frame, id, answer);
    if (s->as != wire::role::admin && s->handle == queueing::none)
        return answer_with(wire::error_code::too_many_sessions,
                           "this queue has as many sessions as it takes");
    sessions_[s->routing] = s;
    s->state = answer.state = q->state_of(*s);
    send(*s, answer);
}

std::shared_ptr<hosted_queue> queue_host::queue_named(const std::string& name) const {
    if (const auto found = queues_.find(name); found != queues_.end()) return found->second;
    constexpr std::string_view dead = ".dead";
    if (!name.ends_with(dead)) return nullptr;
    const auto main = queues_.find(name.substr(0, name.size() - dead.size()));
    return main == queues_.end() ? nullptr : main->second->dead();
}

/// W6: first the outcomes that it has given apply, then what it names is kept.
void queue_host::welcome_consumer(const session_ptr& s, const wire::hello& frame, const id128& id,
                                  wire::welcome& answer) {
    auto& q = *s->queue;
    const auto& begin = q.engine().begin();
    for (const auto& [first, salt] : begin.earlier) answer.salts.push_back({first, salt});
    if (!answer.salts.empty()) answer.salts.push_back({begin.next_seq, begin.salt});
    const bool resumes = frame.opening == q.engine().begin().number;
    std::vector<queueing::number_range> keeps;
    if (resumes) {
        if (const auto before = q.engine().find(id); before != queueing::none)
            settle(*s, before, frame.outcomes);
        for (const auto& r : frame.holds) keeps.push_back({r.first, r.last});
    }
    const auto got = q.engine().hello(id, keeps, frame.process == process_id(), frame.pure);
    s->handle = got.holder;
    if (got.holder == queueing::none) return;
    end_older(q.consumers, got.holder);
    q.consumers[got.holder] = s;
    answer.resumed = resumes;
    answer.floor = q.engine().floor();
    for (const auto& r : got.gone) answer.gone.push_back({r.first, r.last});
}

}  // namespace leat::detail

// What comes in from clients.

#include <leat/queue/detail/queue_host.hpp>

#include <leat/queue/detail/head.hpp>

#include <algorithm>

namespace leat::detail {
namespace {

using queueing::ticks;

constexpr std::size_t most_sessions = 4096;

id128 id_of(std::string_view octets) {
    id128 id;
    for (std::size_t i = 0; i < 8; ++i) {
        id.high = id.high << 8 | static_cast<std::uint8_t>(octets[i]);
        id.low = id.low << 8 | static_cast<std::uint8_t>(octets[i + 8]);
    }
    return id;
}

std::string octets_of(const id128& id) {
    std::string octets(16, '\0');
    for (std::size_t i = 0; i < 8; ++i) {
        octets[i] = static_cast<char>(id.high >> (8 * (7 - i)));
        octets[i + 8] = static_cast<char>(id.low >> (8 * (7 - i)));
    }
    return octets;
}

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
    if (what == wire::command::hello) return on_hello(routing, header, now);
    wire::beginning begins;
    if (!what || !wire::read(header, begins)) {
        if (s) return fail(s, fault::malformed, wire::error_code::bad_frame, "no frame of this protocol");
        return count(fault::malformed);
    }
    if (!s || begins.at.session != s->number) {
        count(fault::no_session);
        return refuse(routing, begins.at.session, wire::error_code::session_lost, "no such session");
    }
    if (begins.at.counter != s->in + 1) {
        return fail(s, fault::out_of_sequence, wire::error_code::out_of_sequence,
                    "frame " + std::to_string(begins.at.counter) + " came after " + std::to_string(s->in));
    }
    s->in = begins.at.counter;
    s->heard = now;
    touch(*s->queue, now);
    if (s->as == wire::role::consumer) s->queue->engine().heard(s->handle);
    on_command(s, *what, header, body, now);
}

void queue_host::on_command(const session_ptr& s, wire::command what, std::span<const std::byte> header,
                            message& body, ticks) {
    auto& engine = s->queue->engine();
    const bool producer = s->as == wire::role::producer, consumer = s->as == wire::role::consumer;
    bool good = true;
    switch (what) {
        case wire::command::put:
            good = producer && on_put(s, incoming_[1], body);
            break;
        case wire::command::settle:
            good = consumer && on_settle(*s, header);
            if (good) flush_later(s);
            break;
        case wire::command::credit: {
            wire::credit frame;
            good = consumer && wire::read(header, frame);
            if (good) engine.grant(s->handle, frame.messages, frame.bytes);
            break;
        }
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
        case wire::command::stat: {
            wire::stat frame;
            good = wire::read(header, frame);
            if (good) send_stat(*s, frame.token);
            break;
        }
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

bool queue_host::on_put(const session_ptr& s, message& header, message& body) {
    if (s->received >= s->granted) {
        fail(s, fault::beyond_credit, wire::error_code::bad_frame, "a PUT beyond what was granted");
        return true;
    }
    auto one = spare_puts_.empty() ? std::make_unique<pending_put>() : std::move(spare_puts_.back());
    if (!spare_puts_.empty()) spare_puts_.pop_back();
    one->header = std::move(header);
    if (!wire::read(one->header.view(), one->frame) || !wire::valid(one->frame, body.size())) return false;
    s->received += one->header.size() + body.size();
    one->body = std::move(body);
    one->from = s;
    puts_.push_back(std::move(one));
    return true;
}

bool queue_host::on_settle(peer_session& s, std::span<const std::byte> header) {
    if (!wire::read(header, settle_) || !wire::valid(settle_.groups)) return false;
    settle(s, s.handle, settle_.groups);
    s.settle_counter = s.in;
    s.settled = true;
    return true;
}

void queue_host::settle(peer_session& s, std::uint32_t holder, const std::vector<wire::settlement>& groups) {
    auto& engine = s.queue->engine();
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
    }
}

void queue_host::on_hello(std::string_view routing, std::span<const std::byte> header, ticks now) {
    wire::hello frame;
    if (!wire::read(header, frame) || !wire::valid(frame)) {
        count(fault::malformed);
        return refuse(routing, 0, wire::error_code::bad_frame, "HELLO is malformed");
    }
    const auto answer_with = [&](wire::error_code code, const std::string& text) {
        count(fault::refused);
        refuse(routing, frame.at.session, code, text);
    };
    if (frame.least > wire::version || frame.most < wire::version)
        return answer_with(wire::error_code::bad_version, "this queue speaks version 1");
    const auto q = queues_.find(frame.queue);
    if (q == queues_.end())
        return answer_with(wire::error_code::no_queue, "there is no queue named " + frame.queue + " here");
    if (const auto old = sessions_.find(routing); old != sessions_.end()) end(session_ptr{old->second});
    if (sessions_.size() >= most_sessions)
        return answer_with(wire::error_code::too_many_sessions,
                           "this endpoint has as many sessions as it takes");

    touch(*q->second, now);
    auto s = std::make_shared<peer_session>();
    s->routing = routing;
    s->number = frame.at.session;
    s->in = 1;
    s->as = static_cast<wire::role>(frame.as);
    s->queue = q->second;
    s->heard = now;
    const auto& rules = q->second->engine().rules();
    const auto& begin = q->second->begin();
    wire::welcome answer;
    answer.queue_id = octets_of(begin.queue);
    answer.opening = begin.number;
    answer.salt = begin.salt;
    answer.lease = ms_of(rules.lease);
    answer.session_timeout = ms_of(rules.session_timeout);
    answer.max_hold = ms_of(rules.max_hold);
    answer.max_message = rules.max_message;
    const auto id = id_of(frame.client);
    if (s->as == wire::role::producer) welcome_producer(s, frame, id, answer);
    if (s->as == wire::role::consumer) welcome_consumer(s, frame, id, answer);
    if (s->as != wire::role::admin && s->handle == queueing::none)
        return answer_with(wire::error_code::too_many_sessions,
                           "this queue has as many sessions as it takes");
    sessions_[s->routing] = s;
    send(*s, answer);
}

void queue_host::welcome_producer(const session_ptr& s, const wire::hello& frame, const id128& id,
                                  wire::welcome& answer) {
    auto& q = *s->queue;
    const auto got = q.engine().hello_producer(id, frame.floor);
    s->handle = got.producer;
    if (got.producer == queueing::none) return;
    // Its older session, which the engine has ended already.
    if (const auto old = q.producers.find(got.producer); old != q.producers.end()) {
        const auto before = old->second;
        before->handle = queueing::none;
        refuse(before->routing, before->number, wire::error_code::session_lost, "it has a new session");
        end(before);
    }
    if (frame.in_order) q.engine().set_in_order(got.producer, true);
    q.producers[got.producer] = s;
    set_windows(q);
    s->granted = q.window;
    answer.bytes = q.window;
    answer.known = got.known;
    answer.decided = got.decided;
    for (const auto& r : got.refused)
        answer.not_stored.push_back(
            {r.first, r.last, static_cast<std::uint8_t>(r.why), std::string{to_string(r.why)}});
}

/// W6: first the outcomes that it has given apply, then what it names is kept.
void queue_host::welcome_consumer(const session_ptr& s, const wire::hello& frame, const id128& id,
                                  wire::welcome& answer) {
    auto& q = *s->queue;
    const bool resumes = frame.opening == q.begin().number;
    std::vector<queueing::number_range> keeps;
    if (resumes) {
        if (const auto before = q.engine().find(id); before != queueing::none)
            settle(*s, before, frame.outcomes);
        for (const auto& r : frame.holds) keeps.push_back({r.first, r.last});
    }
    const auto got = q.engine().hello(id, keeps);
    s->handle = got.holder;
    if (got.holder == queueing::none) return;
    if (const auto old = q.consumers.find(got.holder); old != q.consumers.end()) {
        const auto before = old->second;
        before->handle = queueing::none;
        refuse(before->routing, before->number, wire::error_code::session_lost, "it has a new session");
        end(before);
    }
    q.consumers[got.holder] = s;
    answer.resumed = resumes;
    for (const auto& r : got.gone) answer.gone.push_back({r.first, r.last});
}

void queue_host::send_stat(peer_session& s, std::uint64_t token) {
    auto& engine = s.queue->engine();
    const auto& counts = engine.counts();
    const auto depth = engine.depth();
    wire::status frame;
    frame.token = token;
    auto& to = frame.counts;
    to["admitted"] = counts.admitted;
    to["confirmed"] = counts.confirmed;
    to["acked"] = counts.acked;
    to["late_acks"] = counts.late_acks;
    to["released"] = counts.released;
    to["retried"] = counts.retried;
    to["rejected"] = counts.rejected;
    to["lost"] = counts.lost;
    to["stale"] = counts.stale;
    to["deliveries"] = counts.deliveries;
    to["expired"] = counts.expired;
    to["dead"] = counts.dead_sum();
    to["refused"] = counts.refused_sum();
    to["delayed"] = depth.delayed;
    to["ready"] = depth.ready;
    to["waiting"] = depth.waiting;
    to["in_flight"] = depth.in_flight;
    to["bytes"] = depth.bytes;
    to["parked"] = depth.parked;
    to["producers"] = s.queue->producers.size();
    to["consumers"] = s.queue->consumers.size();
    send(s, frame);
}

}  // namespace leat::detail

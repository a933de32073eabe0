// Producers: what they put, the verdicts, and how much they may send.

#include <leat/queue/detail/queue_host.hpp>

#include <leat/queue/detail/head.hpp>
#include <leat/queue/detail/id_octets.hpp>

#include <algorithm>

namespace leat::detail {
namespace {

using queueing::ticks;

constexpr std::size_t puts_kept = 64;
constexpr ticks ms = 1'000'000;

}  // namespace

void queue_host::welcome_producer(const session_ptr& s, const wire::hello& frame, const id128& id,
                                  wire::welcome& answer) {
    auto& q = *s->queue;
    const auto got = q.engine().hello_producer(id, frame.floor);
    s->handle = got.producer;
    if (got.producer == queueing::none) return;
    end_older(q.producers, got.producer);
    if (frame.in_order) q.engine().set_in_order(got.producer, true);
    if (!frame.stage.empty()) s->stage = q.engine().stage_id(frame.stage);
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

bool queue_host::on_put(const session_ptr& s, message& header, message& body) {
    if (s->received + header.size() + body.size() > s->granted) {
        fail(s, fault::beyond_credit, wire::error_code::bad_frame, "a PUT beyond what was granted");
        return true;
    }
    auto one = spare_puts_.empty() ? std::make_unique<pending_put>() : std::move(spare_puts_.back());
    if (!spare_puts_.empty()) spare_puts_.pop_back();
    one->header = std::move(header);
    one->frame.sources.clear();  // a frame of a client that knows of no marks leaves them as they are
    one->frame.marks.clear();
    if (!wire::read(one->header.view(), one->frame) || !wire::valid(one->frame, body.size()) ||
        (!s->stage && !one->frame.marks.empty()))
        return false;
    s->received += one->header.size() + body.size();
    one->body = std::move(body);
    one->from = s;
    puts_.push_back(std::move(one));
    // It has used most of what it asked for: it asks for the most that its frames may take.
    if (served_ == s && s->granted - s->received <= std::max(s->queue->window, s->asked / 2)) {
        served_.reset();
        serve_need();
    }
    return true;
}

void queue_host::run_puts() {
    std::vector<std::unique_ptr<pending_put>> later;
    for (auto& one : puts_) {
        if (!one->from->ended && !one->from->queue->engine().takes_puts()) {
            later.push_back(std::move(one));
            continue;
        }
        run_put(*one);
        one->from.reset();
        one->header = message{};
        one->body = message{};
        one->bye = false;
        if (spare_puts_.size() < puts_kept) spare_puts_.push_back(std::move(one));
    }
    puts_ = std::move(later);
}

void queue_host::run_put(pending_put& one) {
    auto& s = *one.from;
    if (s.ended) return;
    auto& engine = s.queue->engine();
    if (one.bye) {
        engine.producer_bye(s.handle);
        s.queue->producers.erase(s.handle);
        set_windows(*s.queue);
        s.handle = queueing::none;
        end(one.from);
        return;
    }
    const auto& rules = engine.rules();
    const auto& frame = one.frame;
    const auto body = one.body.view();
    constexpr std::size_t usual = 8192;
    if (items_.capacity() > usual && frame.sizes.size() <= usual)
        std::vector<queueing::put_item>{}.swap(items_);
    items_.assign(frame.sizes.size(), {});
    std::size_t at = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        items_[i].body = body.subspan(at, frame.sizes[i]);
        at += frame.sizes[i];
    }
    const auto time = [](std::uint64_t n) { return static_cast<ticks>(std::min(n, longest_ms)) * ms; };
    for (const auto& special : frame.special) {
        auto& item = items_[special.index];
        item.head = std::as_bytes(std::span{special.head.ptr, special.head.size});
        auto& how = attributes_;
        bool good = wire::read(item.head, how) && how.headers.size() <= rules.max_headers;
        std::size_t header_bytes = 0;
        if (good) {
            for (const auto& [name, value] : how.headers) header_bytes += name.size() + value.size();
        }
        if (!good || header_bytes > rules.max_header_bytes) {
            item.fault = put_refusal::bad_message;
            continue;
        }
        if (how.hops.value_or(0) > rules.max_hops) item.fault = put_refusal::too_many_hops;
        item.key = how.key;
        item.id = how.id;
        item.priority = how.priority.value_or(4);
        if (how.ttl) item.ttl = time(*how.ttl) - time(special.waited);
        if (how.delay) item.delay = time(*how.delay);
        if (how.at) item.at = time(*how.at);
    }
    mark_items(s, frame);
    s.queue->put_batches.add(items_.size());
    const auto how = engine.put(s.handle, frame.first, frame.floor, items_, &one.body);
    if (how == queueing::put_status::out_of_sequence)
        fail(one.from, fault::out_of_sequence, wire::error_code::out_of_sequence, "a put was left out");
    if (how == queueing::put_status::too_many_refused)
        fail(one.from, fault::refused, wire::error_code::bad_frame, "too many refused puts above the floor");
    flush_later(one.from);
}

void queue_host::mark_items(const peer_session& from, const wire::put& frame) {
    marks_.clear();
    marks_.reserve(frame.marks.size());  // the items point to them
    for (const auto& one : frame.marks) {
        const auto& source = frame.sources[one.source];
        marks_.push_back({{*from.stage, id_of(source.queue), source.salt}, one.seq, source.floor});
        items_[one.index].mark = &marks_.back();
    }
}

/// As few frames as keep the verdicts in the order of the puts (I13).
void queue_host::flush_verdicts(peer_session& s) {
    const auto clear_confirm = [&] {
        confirm_.stored.clear();
        confirm_.duplicate.clear();
        confirm_.sequences.clear();
    };
    clear_confirm();
    refuse_.puts.clear();
    const auto send_confirm = [&] {
        if (confirm_.stored.empty() && confirm_.duplicate.empty()) return;
        send(s, confirm_);
        clear_confirm();
    };
    const auto send_refuse = [&] {
        if (refuse_.puts.empty()) return;
        send(s, refuse_);
        refuse_.puts.clear();
    };
    for (const auto& v : s.verdicts) {
        if (v.what == verdict::refused) {
            send_confirm();
            refuse_.puts.push_back(
                {v.first, v.last, static_cast<std::uint8_t>(v.why), std::string{to_string(v.why)}});
            if (refuse_.puts.size() >= 1000) send_refuse();
            continue;
        }
        send_refuse();
        (v.what == verdict::stored ? confirm_.stored : confirm_.duplicate).push_back({v.first, v.last});
        if (v.what == verdict::stored) confirm_.sequences.push_back(v.seq);
        if (confirm_.stored.size() + confirm_.duplicate.size() >= 4000) send_confirm();
    }
    send_confirm();
    send_refuse();
    s.verdicts.clear();
}

/// L6: renewed when half of the window is used, and not while puts of it wait for room.
void queue_host::grant(peer_session& s) {
    if (s.parked || s.ended) return;
    const auto window = s.queue->window;
    const auto to = s.received + window;
    const bool asked = s.need > s.granted && s.need <= to;
    if (to < s.granted + window / 2 && !asked) return;
    s.granted = to;
    wire::grant frame;
    frame.bytes = to;
    frame.window = window;
    send(s, frame);
}

/// L6: a PUT that is larger than its producer's window waits until no other such one is under way.
bool queue_host::on_need(const session_ptr& s, std::uint64_t bytes) {
    const auto most = s->queue->engine().rules().max_message + 2 * beside_message;
    if (bytes > s->received + most) return false;
    s->need = std::max(s->need, bytes);
    grant(*s);
    if (s->need <= s->granted) return true;
    if (served_ == s) {
        let_in(*s);
        return true;
    }
    if (std::find(needy_.begin(), needy_.end(), s) == needy_.end()) needy_.push_back(s);
    serve_need();
    return true;
}

void queue_host::serve_need() {
    for (auto left = needy_.size(); left > 0 && (!served_ || served_->ended); --left) {
        const auto s = needy_.front();
        needy_.pop_front();
        if (s->ended || s->need <= s->granted) continue;
        if (s->parked) {
            needy_.push_back(s);
            continue;
        }
        served_ = s;
        let_in(*s);
    }
}

void queue_host::let_in(peer_session& s) {
    s.need_since = swept_;
    s.granted = s.need;
    s.asked = s.need - s.received;
    wire::grant frame;
    frame.bytes = s.granted;
    frame.window = s.queue->window;
    send(s, frame);
}

void queue_host::set_windows(hosted_queue& of) {
    const auto producers = std::max<std::size_t>(of.producers.size(), 1);
    of.window = std::clamp<std::uint64_t>(of.engine().rules().ingress_bytes / producers, 16u << 10, 1u << 20);
}

}  // namespace leat::detail

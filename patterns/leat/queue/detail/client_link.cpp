#include <leat/queue/detail/client_link.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/loop_call.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace leat::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto first_tick = 50ms;
constexpr auto hello_timeout = 1s;
constexpr std::chrono::milliseconds longest_pause = 1s;

socket_options for_link(socket_options options) {
    options.immediate = true;  // else a queue that comes back gets frames of the session before
    options.send_frames = 0;   // the queue's grants bound what is sent, and the credit what comes
    options.receive_frames = 0;
    options.count_pending = false;  // the session does
    options.max_message = std::max<std::size_t>(options.max_message, std::size_t{1} << 30);
    return options;
}

}  // namespace

const std::string& process_id() {
    static const std::string id = random_id();
    return id;
}

std::string random_id() {
    std::random_device random;
    std::string id;
    while (id.size() < 16) id.push_back(static_cast<char>(random()));
    return id;
}

client_link::client_link(context& ctx, link_target target)
    : warn_(ctx.warner()),
      target_(std::move(target)),
      events_(ctx.shared_background()),
      socket_(ctx, role::dealer, for_link(target_.socket)),
      session_(std::random_device{}() >> 1),
      client_id_(random_id()) {}

client_link::~client_link() = default;

std::string client_link::name() const {
    return target_.at.str() + " queue " + target_.queue;
}

void client_link::begin() {
    // The news comes under the context's locks, so it is looked at later.
    socket_.peers().on_event([weak = weak_from_this(), events = events_.get()] {
        events->post([weak] {
            const auto self = weak.lock();
            if (!self) return;
            lock held{self->mutex_};
            self->look();
            self->leave(held);
        });
    });
    {
        const lock held{mutex_};  // the news may come at once
        socket_.connect(target_.at);
    }
    end_ = events_->on_end([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_loop_end();
    });
    events_->post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        lock held{self->mutex_};
        if (self->closed_) return;
        self->watch();
        self->set_tick(first_tick);
        self->touched_ = true;
        self->look();
        self->leave(held);
    });
}

void client_link::set_tick(std::chrono::nanoseconds interval) {
    if (interval == tick_) return;
    tick_ = interval;
    if (timer_ != 0) events_->cancel(timer_);
    timer_ = events_->every(interval, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        lock held{self->mutex_};
        self->on_tick();
        self->leave(held);
    });
}

leat::status client_link::wait_ready(deadline until) {
    lock held{mutex_};
    await(held, until, [&] { return up() || closed_; });
    const auto how = closed_ ? leat::status::closed : up() ? leat::status::ok : leat::status::timeout;
    leave(held);
    return how;
}

std::optional<durability> client_link::promise() {
    const std::lock_guard held{mutex_};
    if (terms_.opening == 0) return {};
    return static_cast<durability>(std::min<std::uint8_t>(terms_.promise, 2));
}

session_state client_link::state() {
    lock held{mutex_};
    read_what_came();
    const auto has = [&](std::uint8_t flag) { return up() && (terms_.state & flag) != 0; };
    const session_state now{.up = up(),
                            .standby = has(wire::state::standby),
                            .takes_paused = has(wire::state::takes_paused),
                            .puts_paused = has(wire::state::puts_paused),
                            .draining = has(wire::state::draining)};
    leave(held);
    return now;
}

void client_link::stamp(wire::head& at) noexcept {
    at.session = session_;
    at.counter = ++out_;
    at.seen = in_;
}

std::size_t client_link::send_scratch(message* body) {
    parts_.clear();
    parts_.emplace_back(scratch_.view());
    auto size = scratch_.size();
    if (body != nullptr) {
        size += body->size();
        parts_.push_back(body->share());
    }
    touched_ = true;
    socket_.hand_over();
    const auto how = socket_.send(parts_, deadline::now());
    if (how == leat::status::ok) return size;
    end_session();  // the connection is gone; `look` will greet the next one
    return 0;
}

/// Takes note of connections made and broken.
void client_link::look() {
    if (closed_) return;
    const auto broken = socket_.counts().disconnects.value();
    const bool there = socket_.peers().connected() > 0;
    if (broken != seen_disconnects_ || !there) {
        touched_ = true;
        drain();  // what the queue has said before it went counts
        seen_disconnects_ = broken;
        end_session();
    }
    if (there && phase_ == phase::down && !closed_) hello();
}

void client_link::end_session() {
    if (std::exchange(phase_, phase::down) == phase::up) session_ended();
}

void client_link::renew() {
    if (phase_ != phase::up) return;
    end_session();
    hello();
}

void client_link::hello() {
    const auto now = clock::now();
    if (now < hello_at_) return;
    wire::hello frame;
    frame.as = static_cast<std::uint8_t>(target_.as);
    frame.queue = target_.queue;
    frame.client = client_id_;
    frame.process = process_id();
    greet(frame);
    have_loop_read();
    ++session_;
    out_ = in_ = 0;
    phase_ = phase::greeting;
    greeted_ = heard_ = now;
    send(frame);
}

void client_link::on_frame(const message& header, message& body) {
    const auto what = wire::command_of(header.view());
    wire::beginning begins;
    wire::error fault;
    if (!what || phase_ == phase::down) return;
    if (*what == wire::command::error) {
        if (wire::read(header.view(), fault) && fault.at.session == session_) on_error(fault);
        return;
    }
    if (phase_ == phase::greeting) {
        wire::welcome frame;
        if (*what != wire::command::welcome || !wire::read(header.view(), frame)) return;
        if (frame.at.session != session_ || frame.at.counter != 1) return;
        in_ = 1;
        heard_ = clock::now();
        terms_ = std::move(frame);
        phase_ = phase::up;
        hello_pause_ = 0ms;
        warned_of_ = 0;
        if (!welcomed(terms_)) return end_session();
        const auto ms = [](std::uint64_t n) {
            return std::chrono::milliseconds{std::min<std::uint64_t>(n, 3'600'000)};
        };
        const auto interval = std::clamp<std::chrono::nanoseconds>(
            std::min<std::chrono::nanoseconds>(ms(terms_.session_timeout) / 8, ms(terms_.lease) / 6), 5ms,
            250ms);
        events_->post([weak = weak_from_this(), interval] {
            const auto self = weak.lock();
            if (!self) return;
            const std::lock_guard held{self->mutex_};
            if (!self->closed_ && self->timer_ != 0) self->set_tick(interval);
        });
        tell_all();
        return;
    }
    if (!wire::read(header.view(), begins) || begins.at.session != session_) return;
    if (begins.at.counter != in_ + 1) {  // W2: a frame was lost
        end_session();
        return hello();
    }
    in_ = begins.at.counter;
    heard_ = clock::now();
    heard_up_to(std::min(begins.at.seen, out_));
    if (*what == wire::command::pong) return;
    if (*what == wire::command::state) {
        wire::state frame;
        if (wire::read(header.view(), frame)) terms_.state = frame.flags;
        return;
    }
    if (!received(*what, header.view(), body)) {
        end_session();
        hello();
    }
}

void client_link::on_error(const wire::error& frame) {
    if (frame.goes_on) {
        if (phase_ == phase::up) ++in_;
        return;
    }
    const bool was_up = phase_ == phase::up;
    end_session();
    const auto code = static_cast<wire::error_code>(frame.code);
    const bool ours = code == wire::error_code::session_lost || code == wire::error_code::out_of_sequence;
    if (!ours) refused(frame);
    hello_at_ = clock::now() + hello_pause_;
    hello_pause_ = std::min(longest_pause, 2 * hello_pause_ + 25ms);
    if (was_up) hello();  // which says that the end was heard
}

void client_link::refused(const wire::error& frame) {
    if (std::exchange(warned_of_, frame.code) != frame.code) warnings_.push_back(name() + ": " + frame.text);
}

void client_link::on_tick() {
    if (closed_) return;
    if (!watching_) {
        touched_ = true;
        if (!leading_ && !std::exchange(has_led_, false)) watch();
    }
    look();
    const auto now = clock::now();
    if (phase_ == phase::greeting && now - greeted_ > hello_timeout) {
        phase_ = phase::down;
        hello();
        return;
    }
    if (phase_ != phase::up) {
        // libzmq does not connect again over inproc.
        if (target_.at.via() == endpoint::transport::inproc && socket_.peers().connected() == 0 &&
            seen_disconnects_ > 0 && now >= hello_at_) {
            hello_at_ = now + 100ms;
            connect_again();
        }
        return;
    }
    const std::chrono::milliseconds timeout{terms_.session_timeout};
    if (now - heard_ > timeout) {
        end_session();
        connect_again();
        return;
    }
    if (now - pinged_ > timeout / 4) {
        pinged_ = now;
        wire::ping frame;
        if (send(frame) == 0) return;
    }
    tick(now);
}

/// The connection may be one on which nothing arrives any more without either side knowing.
void client_link::connect_again() {
    socket_.hand_over();
    try {
        socket_.disconnect(target_.at);
    } catch (const std::exception&) {  // libzmq has given it up already
    }
    try {
        socket_.connect(target_.at);
    } catch (const std::exception& failure) {
        warnings_.push_back(name() + ": " + failure.what());
    }
    touched_ = true;
}

void client_link::close_link() {
    {
        lock held{mutex_};
        if (closed_) return;
        if (greeted()) {
            wire::bye frame;
            send(frame);
        }
        closed_ = true;
        phase_ = phase::down;
        ended();
        tell_all();
        held.unlock();
        run_ready();
    }
    socket_.peers().on_event({});
    // The loop lets go of the descriptor before the socket closes. A loop that has ended drops the task.
    const auto done = std::make_shared<happening>();
    auto end = [self = shared_from_this(), over = std::make_shared<end_of>(done)] {
        const std::lock_guard held{self->mutex_};
        for (const auto one : {self->watch_, self->timer_, self->end_}) self->events_->cancel(one);
        self->socket_.hand_over();
        self->socket_.close();
    };
    events_->post(std::move(end));
    static_cast<void>(done->wait(5s));
}

void client_link::on_loop_end() {
    {
        const std::lock_guard held{mutex_};
        if (!closed_) {
            closed_ = true;
            phase_ = phase::down;
            ended();
            tell_all();
        }
        socket_.hand_over();
        socket_.close();
    }
    run_ready();
}

}  // namespace leat::detail

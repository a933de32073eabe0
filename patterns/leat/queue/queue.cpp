#include <leat/queue/queue.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/head.hpp>
#include <leat/queue/detail/loop_call.hpp>
#include <leat/queue/detail/queue_host.hpp>

#include <utility>

namespace leat {

void queue_options::check() const {
    const auto refuse = [](const std::string& text) {
        throw error{errc::bad_option, "queue option " + text};
    };
    if (name.empty() || name.size() > 255) refuse("name has to be 1 to 255 bytes");
    if (name.ends_with(".dead"))
        refuse("name: " + name + " is what the dead letters of another queue are called");
    if (bind.empty()) refuse("bind: a queue needs an endpoint");
    if (!path.empty())
        refuse("path: durable queues are not there yet; leave it out to have the queue in memory");
    if (rules.durability && *rules.durability != durability::memory)
        refuse("rules.durability: a queue in memory can promise nothing but memory");
    rules.check();
    socket.check();
}

queue::queue(context& ctx, queue_options options) {
    options.check();
    name_ = options.name;
    const auto events = ctx.shared_background();
    const auto registry = ctx.attached<detail::host_registry>();
    const endpoint at{options.bind};
    const auto done = detail::run_on(*events, [&] {
        const std::lock_guard lock{registry->mutex};
        auto& known = registry->hosts[at.str()];
        host_ = known.lock();
        if (host_ && host_->closed()) host_.reset();
        const bool made = !host_;
        if (made) {
            auto socket = options.socket;
            socket.max_message =
                std::max<std::size_t>(socket.max_message, options.rules.max_message + (1u << 20));
            host_ = std::make_shared<detail::queue_host>(ctx, at, socket);
            host_->begin();
        }
        try {
            hosted_ = host_->add(name_, options.rules);
        } catch (...) {
            host_.reset();
            throw;
        }
        if (made && !at.is_wildcard()) known = host_;
        registry->hosts[host_->bound().str()] = host_;
    });
    if (!done) throw error{errc::closed, "queue " + name_ + ": its context is closed"};
    bound_ = host_->bound();
}

queue::~queue() {
    if (host_) static_cast<void>(close(deadline::now()));
}

queue::queue(queue&&) noexcept = default;

queue& queue::operator=(queue&& other) noexcept {
    if (this == &other) return *this;
    if (host_) static_cast<void>(close(deadline::now()));
    host_ = std::move(other.host_);
    hosted_ = std::move(other.hosted_);
    bound_ = std::move(other.bound_);
    name_ = std::move(other.name_);
    return *this;
}

template <class Work>
auto queue::on_loop(Work work) const -> decltype(work()) {
    using value = decltype(work());
    if (!host_) return value();
    auto got = detail::run_on(*host_->events(), [&]() -> value {
        if (host_->closed()) return value();
        return work();
    });
    if constexpr (!std::is_void_v<value>) return got ? std::move(*got) : value();
}

queue_stat queue::stat() const {
    return on_loop([&] {
        auto& engine = hosted_->engine();
        return queue_stat{.counts = engine.counts(),
                          .depth = engine.depth(),
                          .producers = hosted_->producers.size(),
                          .consumers = hosted_->consumers.size(),
                          .puts_paused = hosted_->puts_paused,
                          .takes_paused = hosted_->takes_paused,
                          .stopped_by_dead_letters = engine.stopped_by_dead_letters(),
                          .bad_frames = host_->bad_frames()};
    });
}

std::uint64_t queue::purge() {
    return on_loop([&] {
        const auto n = hosted_->engine().purge();
        host_->pass_now(*hosted_);
        return n;
    });
}

void queue::pause_takes(bool on) {
    on_loop([&] {
        hosted_->engine().pause_takes(on);
        hosted_->takes_paused = on;
        host_->pass_now(*hosted_);
    });
}

void queue::pause_puts(bool on) {
    on_loop([&] {
        hosted_->engine().pause_puts(on);
        hosted_->puts_paused = on;
        host_->pass_now(*hosted_);
    });
}

std::vector<dead_letter> queue::dead_letters(std::size_t most) const {
    return on_loop([&] {
        std::vector<dead_letter> all;
        hosted_->engine().letters({}, most, [&](const detail::queueing::letter_view& one) {
            dead_letter letter;
            letter.seq = one.seq;
            letter.origin = one.what->origin;
            letter.why = one.what->why;
            letter.text = one.what->text;
            letter.attempts = one.what->attempts;
            letter.deliveries = one.what->deliveries;
            letter.attributes = detail::read_attributes(one.head);
            letter.body.assign(reinterpret_cast<const char*>(one.body.data()), one.body.size());
            all.push_back(std::move(letter));
        });
        return all;
    });
}

std::uint64_t queue::redrive(std::uint64_t most) {
    return on_loop([&] {
        const auto moved = hosted_->engine().redrive({}, most).moved;
        host_->pass_now(*hosted_);
        return moved;
    });
}

std::uint64_t queue::purge_dead_letters() {
    return on_loop([&]() -> std::uint64_t {
        auto* dead = hosted_->engine().dead();
        const auto n = dead == nullptr ? 0 : dead->purge();
        host_->pass_now(*hosted_);
        return n;
    });
}

status queue::close(deadline until) {
    if (!host_) return status::closed;
    auto how = status::ok;
    if (!until.is_now()) {
        const auto idle = std::make_shared<detail::happening>();
        on_loop([&] {
            hosted_->engine().drain(true);
            hosted_->when_idle = std::make_shared<detail::end_of>(idle);
            host_->pass_now(*hosted_);
        });
        if (!host_->closed() && !idle->wait(until)) how = status::timeout;
    }
    const auto done = detail::run_on(*host_->events(), [this] {
        if (!host_->closed()) host_->remove(hosted_);
    });
    if (!done) how = status::closed;  // the loop has ended, and the sessions with it
    host_.reset();
    hosted_.reset();
    return how;
}

}  // namespace leat

#include <leat/queue/queue.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/loop_call.hpp>
#include <leat/queue/detail/queue_host.hpp>
#include <leat/queue/detail/shown.hpp>

#include <utility>

namespace leat {

using detail::wire::operation;

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
    return on_loop([&] { return hosted_->stat(); });
}

detail::wire::done queue::operate(operation what, const letter_selection& which, std::uint64_t most) {
    detail::wire::operate ask;
    ask.what = static_cast<std::uint8_t>(what);
    ask.which = detail::selected(which);
    ask.most = most;
    return on_loop([&] { return hosted_->operate(ask); });
}

std::uint64_t queue::purge() {
    return operate(operation::purge).count;
}

void queue::pause_takes(bool on) {
    operate(on ? operation::pause_takes : operation::resume_takes);
}

void queue::pause_puts(bool on) {
    operate(on ? operation::pause_puts : operation::resume_puts);
}

std::vector<waiting_message> queue::peek(std::size_t most) const {
    return on_loop([&] {
        std::vector<waiting_message> all;
        hosted_->peek(most, [&](auto&& one, auto body) { all.push_back(detail::shown(one, body)); });
        return all;
    });
}

std::vector<dead_letter> queue::dead_letters(const letter_selection& which, std::size_t most) const {
    const auto ask = detail::selected(which);
    return on_loop([&] {
        std::vector<dead_letter> all;
        hosted_->letters(ask, most, [&](auto&& one, auto body) { all.push_back(detail::shown(one, body)); });
        return all;
    });
}

redrive_report queue::redrive(const letter_selection& which, std::uint64_t most) {
    const auto report = operate(operation::redrive, which, most);
    return {report.count, report.left};
}

std::uint64_t queue::purge_dead_letters() {
    return operate(operation::purge_dead).count;
}

status queue::close(deadline until) {
    if (!host_) return status::closed;
    auto how = status::ok;
    if (!until.is_now()) {
        const auto idle = std::make_shared<detail::happening>();
        on_loop([&] {
            hosted_->engine().drain(true);
            hosted_->state_changed();
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

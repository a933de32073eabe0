#include <leat/queue/queue.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/loop_call.hpp>
#include <leat/queue/detail/queue_host.hpp>
#include <leat/queue/detail/shown.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
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
    const auto promised = rules.resolved(!path.empty()).durability;
    if (path.empty() && promised != durability::memory)
        refuse("rules.durability is " + std::string{to_string(*promised)} +
               ": a queue in memory can promise nothing but memory; give it a path");
    if (!path.empty() && promised == durability::memory)
        refuse("rules.durability is memory: a queue with a path is kept there; leave the path out");
    rules.check();
    socket.check();
}

/// Null once it is closed.
struct queue::parts {
    std::mutex mutex;
    std::shared_ptr<detail::queue_host> host;
    std::shared_ptr<detail::hosted_queue> hosted;

    [[nodiscard]] auto both() {
        const std::lock_guard lock{mutex};
        return std::pair{host, hosted};
    }
};

namespace {

/// Room for four times what may be live, and for what deleting needs (I18).
constexpr std::uint64_t map_size(const queue_rules& rules) {
    return 4 * (rules.max_bytes.value_or(0) + rules.max_dead_bytes) + (std::uint64_t{1} << 30);
}

std::unique_ptr<detail::queueing::disk_store> open_store(const context& ctx, const queue_options& options) {
    if (options.path.empty()) return {};
    const auto rules = options.rules.resolved(true);
    return std::make_unique<detail::queueing::disk_store>(
        detail::queueing::disk_store_options{.directory = options.path,
                                             .name = options.name,
                                             .map_size = map_size(rules),
                                             .id_span = rules.dedup_window.count(),
                                             .ids = rules.dedup_ids,
                                             .warn = ctx.warner()});
}

}  // namespace

queue::queue(context& ctx, queue_options options) : parts_(std::make_unique<parts>()) {
    options.check();
    name_ = options.name;
    const auto began = std::chrono::steady_clock::now();
    auto store = open_store(ctx, options);
    const auto events = ctx.shared_background();
    const auto registry = ctx.attached<detail::host_registry>();
    const endpoint at{options.bind};
    std::shared_ptr<detail::queue_host> host;
    const auto done = detail::run_on(*events, [&] {
        const std::lock_guard lock{registry->mutex};
        auto& known = registry->hosts[at.str()];
        host = known.lock();
        if (host && host->closed()) host.reset();
        const bool made = !host;
        if (made) {
            auto socket = options.socket;
            socket.max_message = std::max<std::size_t>(
                socket.max_message, options.rules.max_message + detail::queue_host::beside_message);
            host = std::make_shared<detail::queue_host>(ctx, at, socket);
            host->begin();
        }
        parts_->hosted = host->add(name_, options.rules, std::move(store));
        if (made && !at.is_wildcard()) known = host;
        registry->hosts[host->bound().str()] = host;
    });
    if (!done) throw error{errc::closed, "queue " + name_ + ": its context is closed"};
    bound_ = host->bound();
    parts_->host = std::move(host);
    opened_ = parts_->hosted->opened();
    if (!options.path.empty())
        opened_.took =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
}

queue::~queue() {
    if (parts_) static_cast<void>(close(deadline::now()));
}

queue::queue(queue&&) noexcept = default;

queue& queue::operator=(queue&& other) noexcept {
    if (this == &other) return *this;
    if (parts_) static_cast<void>(close(deadline::now()));
    parts_ = std::move(other.parts_);
    bound_ = std::move(other.bound_);
    name_ = std::move(other.name_);
    opened_ = other.opened_;
    return *this;
}

/// Does `work` with the queue, as part of a pass of its host; what its result is by default when it is
/// closed.
template <class Work>
auto queue::on_loop(Work work) const {
    using value = decltype(work(std::declval<detail::hosted_queue&>()));
    const auto [host, hosted] = parts_ ? parts_->both() : decltype(parts_->both()){};
    if (!host) return value();
    auto got = detail::run_on(*host->events(), [&, host = host, hosted = hosted]() -> value {
        if (host->closed() || !host->enter(*hosted)) return value();
        return work(*hosted);
    });
    if constexpr (!std::is_void_v<value>) return got ? std::move(*got) : value();
}

queue_stat queue::stat() const {
    return on_loop([&](auto& hosted) { return hosted.stat(); });
}

detail::wire::done queue::operate(operation what, const letter_selection& which, std::uint64_t most) {
    detail::wire::operate ask;
    ask.what = static_cast<std::uint8_t>(what);
    ask.which = detail::selected(which);
    ask.most = most;
    return on_loop([&](auto& hosted) { return hosted.operate(ask); });
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
    return on_loop([&](auto& hosted) {
        std::vector<waiting_message> all;
        hosted.peek(most, [&](auto&& one, auto body) { all.push_back(detail::shown(one, body)); });
        return all;
    });
}

std::vector<dead_letter> queue::dead_letters(const letter_selection& which, std::size_t most) const {
    const auto ask = detail::selected(which);
    return on_loop([&](auto& hosted) {
        std::vector<dead_letter> all;
        hosted.letters(ask, most, [&](auto&& one, auto body) { all.push_back(detail::shown(one, body)); });
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
    const auto [host, hosted] = parts_ ? parts_->both() : decltype(parts_->both()){};
    if (!host) return status::closed;
    auto how = status::ok;
    if (!until.is_now()) {
        const auto idle = std::make_shared<detail::happening>();
        // Whoever drops it tells: the queue when nothing is in flight, or a loop that has ended.
        on_loop([end = std::make_shared<detail::end_of>(idle)](auto& which) {
            which.engine().drain(true);
            which.state_changed();
            which.when_idle.push_back(end);
        });
        if (!idle->wait(until)) how = status::timeout;
    }
    const auto closed = std::make_shared<detail::happening>();
    const auto done = detail::run_on(*host->events(), [&, host = host, hosted = hosted] {
        auto end = std::make_shared<detail::end_of>(closed);
        if (!host->closed()) host->remove(hosted, until, std::move(end));
    });
    if (!done) how = status::closed;  // the loop has ended, and the sessions with it
    hosted->finish();
    if (done) static_cast<void>(closed->wait(deadline::never()));
    const std::lock_guard lock{parts_->mutex};
    parts_->host.reset();
    parts_->hosted.reset();
    return how;
}

}  // namespace leat

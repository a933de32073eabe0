#include <leat/reqrep/service.hpp>

#include <leat/error.hpp>
#include <leat/reqrep/detail/call_header.hpp>
#include <leat/reqrep/detail/latency_histogram.hpp>

#include <map>
#include <mutex>
#include <optional>

namespace leat {
namespace {

struct method_entry {
    explicit method_entry(detail::untyped_handler h) : run(std::move(h)) {}

    const detail::untyped_handler run;
    detail::latency_histogram times;
    std::atomic<std::uint64_t> threw{0};
};

double microseconds(std::chrono::nanoseconds time) {
    return static_cast<double>(time.count()) / 1000;
}

}  // namespace

struct service::state : std::enable_shared_from_this<service::state> {
    state(context& c, std::string n, reply_options o) : ctx(&c), name(std::move(n)), options(std::move(o)) {}

    void run(std::string_view method, bytes&& body, open_request&& of) {
        if (method == describe_method) {
            buffer out;
            encode(describe(), out);
            of.send(bytes{out.view()});
            return;
        }
        const auto found = methods.find(method);
        if (found == methods.end()) {
            of.fail(reply_code::no_method,
                    "the service " + name + " has no method '" + std::string{method} + "'");
            return;
        }
        auto& entry = found->second;
        const auto began = deadline::clock::now();
        try {
            entry.run(method, std::move(body), std::move(of));
        } catch (...) {
            entry.threw.fetch_add(1, std::memory_order_relaxed);
            entry.times.add(deadline::clock::now() - began);
            throw;
        }
        entry.times.add(deadline::clock::now() - began);
    }

    service_description describe() const {
        service_description all{.name = name};
        for (const auto& [method, entry] : methods) {
            all.methods.push_back({method, entry.times.count(), entry.threw.load(std::memory_order_relaxed),
                                   microseconds(entry.times.quantile(0.5)),
                                   microseconds(entry.times.quantile(0.9)),
                                   microseconds(entry.times.quantile(0.99))});
        }
        const std::lock_guard lock{mutex};
        if (running == nullptr) return all;  // not quite started
        all.requests = running->counts().requests.value();
        all.overloaded = running->counts().overloaded.value();
        all.open = running->open_requests();
        return all;
    }

    context* const ctx;
    const std::string name;
    const reply_options options;
    std::map<std::string, method_entry, std::less<>> methods;  // not changed after the start
    mutable std::mutex mutex;
    std::unique_ptr<detail::running_replier> running;  // set once, under the mutex
    bool started = false;
};

service::service(context& ctx, std::string name, reply_options options)
    : state_(std::make_shared<state>(ctx, std::move(name), std::move(options))) {
    state_->options.check();
}

service::~service() {
    static_cast<void>(stop(state_->options.stop_within));
}

void service::add(const std::string& name, detail::untyped_handler&& handler) {
    const auto refuse = [&](const std::string& why) {
        throw error{errc::bad_option, "method '" + name + "' of service " + state_->name + ": " + why};
    };
    if (state_->started) refuse("the service has started; methods are added before");
    if (name.starts_with("leat.")) refuse("names that begin with leat. are leat's own");
    if (name.size() > detail::longest_method) refuse("a name has at most 255 bytes");
    if (!state_->methods.try_emplace(name, std::move(handler)).second) refuse("there is one already");
}

void service::start() {
    if (std::exchange(state_->started, true))
        throw error{errc::bad_option, "service " + state_->name + ": it has been started"};
    // The first request may come, and ask for the description, before the replier is known here.
    auto running = std::make_unique<detail::running_replier>(
        *state_->ctx, state_->options,
        [of = std::weak_ptr{state_}](std::string_view method, bytes&& body, open_request&& to) {
            if (const auto alive = of.lock()) alive->run(method, std::move(body), std::move(to));
        });
    const std::lock_guard lock{state_->mutex};
    state_->running = std::move(running);
}

bool service::stop(deadline until) {
    return state_->running == nullptr || state_->running->stop(until);
}

endpoints service::bound() const {
    return state_->running == nullptr ? endpoints{} : state_->running->bound();
}

std::size_t service::open_requests() const {
    return state_->running == nullptr ? 0 : state_->running->open_requests();
}

service_description service::describe() const {
    return state_->describe();
}

const decode_limits& service::limits() const noexcept {
    return state_->options.limits;
}

}  // namespace leat

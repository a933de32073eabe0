#include <leat/queue/detail/consumer_core.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/consumer_link.hpp>
#include <leat/queue/detail/head.hpp>

#include <thread>
#include <utility>
#include <vector>

namespace leat {

void consumer_options::check() const {
    const auto refuse = [](const std::string& text) {
        throw error{errc::bad_option, "consumer option " + text};
    };
    if (queue.empty() || queue.size() > 255) refuse("queue has to be 1 to 255 bytes");
    if (prefetch < 1 || prefetch > 65'536) refuse("prefetch: allowed are 1 to 65536");
    if (prefetch_bytes < 1) refuse("prefetch_bytes has to be at least 1");
}

}  // namespace leat

namespace leat::detail {

void settle(const taken_delivery& which, outcome what, std::optional<std::chrono::nanoseconds> delay,
            std::string text) {
    which.link->settle(which, static_cast<std::uint8_t>(what), delay, std::move(text));
}
void extend(const taken_delivery& which) {
    which.link->extend(which);
}
bool lost(const taken_delivery& which) {
    return which.link->lost(which);
}
void settled_twice(const taken_delivery& which) {
    which.link->count_settled_twice();
}
put_options attributes_of(const taken_delivery& which) {
    return read_attributes(which.head);
}

consumer_core::consumer_core(context& ctx, const endpoint& at, consumer_options options)
    : link_(std::make_shared<consumer_link>(ctx, at, std::move(options))) {
    link_->begin();
    link_->begin_stop();
}

consumer_core::~consumer_core() {
    close(link_->linger());
}

status consumer_core::next(taken_delivery& into, deadline until) {
    return link_->next(into, until);
}
status consumer_core::wait_ready(deadline until) {
    return link_->wait_ready(until);
}
session_state consumer_core::state() const {
    return link_->state();
}
std::uint64_t consumer_core::settled_twice() const {
    return link_->settled_twice();
}
std::uint64_t consumer_core::floor() const {
    return link_->floor();
}
std::optional<durability> consumer_core::promise() const {
    return link_->promise();
}
void consumer_core::stop() {
    link_->stop(deadline::now());
}
status consumer_core::close(deadline until) {
    return link_->close(until);
}

void consumer_core::run_workers(std::size_t workers, const std::function<void()>& work) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < workers; ++i) threads.emplace_back(work);
    work();
}

}  // namespace leat::detail

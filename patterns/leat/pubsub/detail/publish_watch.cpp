#include <leat/pubsub/detail/publish_watch.hpp>

#include <leat/error.hpp>
#include <leat/pubsub/detail/publish_state.hpp>

#include <unistd.h>

#include <utility>

namespace leat::detail {

struct publish_watch::end_notice {
    explicit end_notice(std::weak_ptr<publish_state> of) : publisher(std::move(of)) {}
    ~end_notice() {
        if (const auto alive = publisher.lock()) alive->end();
    }
    end_notice(const end_notice&) = delete;
    end_notice& operator=(const end_notice&) = delete;

    const std::weak_ptr<publish_state> publisher;
};

publish_watch::publish_watch(std::weak_ptr<publish_state> publisher, loop& events, int fd)
    : publisher_(std::move(publisher)), events_(events), fd_(::dup(fd)) {
    if (fd_ < 0) throw error{errc::no_resources, "a publisher: no file descriptor is left"};
}

publish_watch::~publish_watch() {
    ::close(fd_);
}

void publish_watch::begin_ticks(std::chrono::nanoseconds in) {
    auto end = end_.lock();
    if (!end) {
        end = std::make_shared<end_notice>(publisher_);
        end_ = end;
    }
    stop();
    tick_in(in, std::move(end));
}

void publish_watch::tick_in(std::chrono::nanoseconds in, std::shared_ptr<end_notice> end) {
    events_.after(in, [own = shared_from_this(), end = std::move(end)] {
        const auto alive = own->publisher_.lock();
        if (!alive) return;
        if (const auto next = alive->on_tick()) {
            own->tick_in(*next, end);
        } else {
            own->watch(end);
        }
    });
}

void publish_watch::watch(const std::shared_ptr<end_notice>& end) {
    if (watched_ != 0) return;
    watched_ = events_.watch_fd(fd_, [own = shared_from_this(), end] {
        const auto alive = own->publisher_.lock();
        if (!alive || !alive->on_news()) own->stop();
    });
}

void publish_watch::stop() {
    if (const auto which = std::exchange(watched_, 0); which != 0) events_.cancel(which);
}

}  // namespace leat::detail

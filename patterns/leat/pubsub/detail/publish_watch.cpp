#include <leat/pubsub/detail/publish_watch.hpp>

#include <leat/error.hpp>
#include <leat/pubsub/detail/publish_state.hpp>

#include <unistd.h>

#include <utility>

namespace leat::detail {

publish_watch::publish_watch(std::weak_ptr<publish_state> publisher, loop& events, int fd)
    : publisher_(std::move(publisher)),
      events_(events),
      fd_(::dup(fd)),
      end_(events.on_end([of = publisher_] {
          if (const auto alive = of.lock()) alive->end();
      })) {
    if (fd_ < 0) throw error{errc::no_resources, "a publisher: no file descriptor is left"};
}

publish_watch::~publish_watch() {
    ::close(fd_);
}

void publish_watch::begin_ticks(std::chrono::nanoseconds in) {
    unwatch();
    tick_in(in);
}

void publish_watch::end() {
    ended_ = true;
    unwatch();
    events_.cancel(end_);
}

void publish_watch::tick_in(std::chrono::nanoseconds in) {
    if (ended_) return;
    events_.after(in, [own = shared_from_this()] {
        const auto alive = own->publisher_.lock();
        if (!alive) return;
        if (const auto next = alive->on_tick()) {
            own->tick_in(*next);
        } else {
            own->watch();
        }
    });
}

void publish_watch::watch() {
    if (ended_ || watched_ != 0) return;
    watched_ = events_.watch_fd(fd_, [own = shared_from_this()] {
        const auto alive = own->publisher_.lock();
        if (!alive || !alive->on_news()) own->unwatch();
    });
}

void publish_watch::unwatch() {
    if (const auto which = std::exchange(watched_, 0); which != 0) events_.cancel(which);
}

}  // namespace leat::detail

#pragma once

#include <leat/loop.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace leat::detail {

class publish_state;

/// How the context's loop looks after a publisher: at news while nobody publishes, every few milliseconds
/// while somebody does.
///
/// libzmq tells of news on a descriptor; a send works news off too and leaves nothing to see, so while
/// messages are published only looking helps. When the loop ends, since its context is closing, the publisher
/// ends too. For the loop's thread, but for its making.
class publish_watch : public std::enable_shared_from_this<publish_watch> {
public:
    /// How often it looks, and how often while so much is published that publishing itself looks.
    static constexpr std::chrono::milliseconds pulse{2}, busy_pulse{10};

    publish_watch(std::weak_ptr<publish_state> publisher, loop& events, int fd);
    ~publish_watch();
    publish_watch(const publish_watch&) = delete;
    publish_watch& operator=(const publish_watch&) = delete;

    /// Looks at `in` from now on, and then at the times that the publisher says, until it says none.
    void begin_ticks(std::chrono::nanoseconds in);

    /// The publisher has ended.
    void end();

private:
    void watch();
    void unwatch();
    void tick_in(std::chrono::nanoseconds in);

    const std::weak_ptr<publish_state> publisher_;
    loop& events_;
    const int fd_;  // a copy, so that it outlasts the socket
    const loop::id end_;
    loop::id watched_ = 0;
    bool ended_ = false;
};

}  // namespace leat::detail

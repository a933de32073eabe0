#pragma once

#include <leat/codec.hpp>
#include <leat/error.hpp>
#include <leat/pubsub/detail/publish_channel.hpp>
#include <leat/pubsub/publish_metrics.hpp>
#include <leat/pubsub/publish_options.hpp>

#include <concepts>
#include <string_view>

namespace leat {

/// Publishes messages to all who have subscribed to their topic, directly or through relays.
///
/// `T` is a type that msgpack knows (a struct with MSGPACK_DEFINE_MAP or MSGPACK_DEFINE), or `leat::bytes`
/// for bodies that are left as they are. Topics: see <leat/pubsub/topic.hpp>.
///
/// At most once, and a loss shows: each publication carries its publisher's id and its number within the
/// topic, by which subscribers tell gaps and restarts. Nobody gets what was published before its subscription
/// arrived: wait for that with `subscriber::wait_ready` or `wait_subscribers`, or keep last values.
///
/// Thread-safe. A publish sends on the calling thread; messages of one thread and topic stay in order. The
/// context's loop answers subscribers, so a publisher does so for as long as its context is open. After that,
/// its calls return `status::closed`. Move-only; moving and closing it is for one thread, with no call under
/// way.
template <class T>
class publisher {
public:
    /// @throws leat::error: `bad_option`, and what `socket::bind` and `socket::connect` throw.
    publisher(context& ctx, publish_options options) : channel_(ctx, checked(std::move(options))) {}

    /// Publishes one message. Under `overflow::drop` it never waits. Under `overflow::block` it waits until
    /// all who want it have room; on `timeout` nobody gets it. With batching, `ok` may mean that it waits in
    /// its topic's open frame, and order is kept within a topic only.
    /// @throws leat::error (`bad_option`) when `topic` is none, and what encoding throws. The latter runs
    /// with the publisher locked, and must not publish.
    [[nodiscard]] status publish(std::string_view topic, const T& value, deadline until = deadline::never())
        requires(!std::same_as<T, bytes>)
    {
        return channel_.publish(topic, &value, encode_value, until);
    }

    /// The body is the caller's still when the status is not `ok`.
    [[nodiscard]] status publish(std::string_view topic, bytes&& body, deadline until = deadline::never())
        requires std::same_as<T, bytes>
    {
        return channel_.publish(topic, body, until);
    }

    /// Waits until `n` subscribers have subscribed to the topic, or to a prefix of it: a bound publisher's
    /// way not to publish before anyone listens. A relay counts for each different prefix that is asked of it
    /// and covers the topic, so normally as one; a plain SUB likewise, a leat subscriber always as one.
    [[nodiscard]] status wait_subscribers(std::string_view topic, std::size_t n, deadline until) {
        return channel_.wait_subscribers(topic, n, until);
    }

    /// How many there are now.
    [[nodiscard]] std::size_t subscribers(std::string_view topic) { return channel_.subscribers(topic); }

    /// Sends the open frames, and waits until all that was published is in the kernel's hands or was dropped
    /// (to within 61 small frames), or the deadline.
    [[nodiscard]] status flush(deadline until) { return channel_.flush(until); }

    /// What its publications carry: random, not 0, its own.
    [[nodiscard]] std::uint64_t id() const noexcept { return channel_.id(); }

    /// Messages accepted and not yet handed to the kernel for all who want them, without open frames'.
    [[nodiscard]] std::uint64_t pending() const noexcept { return channel_.pending(); }

    /// Where it is bound, with the ports that the system picked.
    [[nodiscard]] const endpoints& bound() const noexcept { return channel_.bound(); }

    [[nodiscard]] const metrics& counts() const noexcept { return channel_.counts(); }
    [[nodiscard]] const publish_metrics& answers() const noexcept { return channel_.answers(); }
    [[nodiscard]] monitor& peers() const noexcept { return channel_.peers(); }

    /// Ends it, as the destructor does: sends the open frames, waiting for room up to the socket's linger;
    /// what was accepted goes on being sent in the background for as long as the linger lasts.
    void close() noexcept { channel_.close(); }

private:
    static publish_options checked(publish_options options) {
        if (std::same_as<T, bytes> && options.batch.bytes > 0) {
            throw error{errc::bad_option,
                        "batch.bytes: leat::bytes cannot be batched, since their boundaries would be lost"};
        }
        return options;
    }

    static void encode_value(const void* value, buffer& to) { encode(*static_cast<const T*>(value), to); }

    detail::publish_channel channel_;
};

}  // namespace leat

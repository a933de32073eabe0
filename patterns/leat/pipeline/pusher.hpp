#pragma once

#include <leat/codec.hpp>
#include <leat/error.hpp>
#include <leat/pipeline/detail/push_channel.hpp>

#include <concepts>

namespace leat {

/// Sends messages to whichever connected puller has room: the upper end of a pipeline.
///
/// `T` is a type that msgpack knows (a struct with MSGPACK_DEFINE_MAP or MSGPACK_DEFINE), or `leat::bytes`
/// for frames that are left as they are. Each message goes to one peer, in turn among those that have room.
///
/// At most once: a message that was accepted is lost when its peer dies before reading it. A send waits while
/// no peer has room, so nothing is dropped for being too much; the bounds are `socket_options::send_bytes`
/// over all peers, and its high-water mark for each. Move-only, for one thread at a time.
template <class T>
class pusher {
public:
    /// @throws leat::error: `bad_option`, and what `socket::bind` and `socket::connect` throw.
    pusher(context& ctx, push_options options) : channel_(ctx, checked(std::move(options))) {}

    /// Sends one message, waiting for room until the deadline. Anything but `ok` means that it was not
    /// accepted. With batching, `ok` may mean that it waits in the open frame, which is sent when it is full
    /// or its delay has passed.
    [[nodiscard]] status send(const T& value, deadline until = deadline::never())
        requires(!std::same_as<T, bytes>)
    {
        if (channel_.batches()) {
            return channel_.add(until, [&](buffer& open) { encode(value, open); });
        }
        scratch_.clear();
        encode(value, scratch_);
        message frame{scratch_.view()};
        return channel_.send(frame, until);
    }

    /// Sends the frame; it is the caller's still when the status is not `ok`.
    [[nodiscard]] status send(bytes&& frame, deadline until = deadline::never())
        requires std::same_as<T, bytes>
    {
        return channel_.send(frame, until);
    }

    /// Sends only if that needs no waiting: false when there is no room, or no peer.
    [[nodiscard]] bool try_send(const T& value)
        requires(!std::same_as<T, bytes>)
    {
        return send(value, deadline::now()) == status::ok;
    }
    [[nodiscard]] bool try_send(bytes&& frame)
        requires std::same_as<T, bytes>
    {
        return send(std::move(frame), deadline::now()) == status::ok;
    }

    /// Waits until `peers` pullers (or relays) are connected.
    [[nodiscard]] status wait_ready(std::size_t peers, deadline until) const {
        return channel_.out().wait_connected(peers, until);
    }

    /// Sends the open frame, and waits until all that was accepted is in the kernel's hands (to within 61
    /// small frames), or the deadline. It does not mean that a peer has read it.
    [[nodiscard]] status flush(deadline until) { return channel_.flush(until); }

    /// Messages accepted and not yet handed to the kernel, without the open frame's.
    [[nodiscard]] std::uint64_t pending() const noexcept { return channel_.out().pending(); }

    /// Where it is bound, with the ports that the system picked.
    [[nodiscard]] const endpoints& bound() const noexcept { return channel_.bound(); }

    /// Makes the next thread that uses it the owner. The caller orders the two threads' uses, with a mutex
    /// for instance.
    void hand_over() noexcept { channel_.out().hand_over(); }

    [[nodiscard]] const metrics& counts() const noexcept { return channel_.out().counts(); }
    [[nodiscard]] monitor& peers() const noexcept { return channel_.out().peers(); }

    /// Ends it, as the destructor does: waits up to the socket's linger for room for the open frame; what was
    /// accepted goes on being sent in the background for as long as the linger lasts. `context::close` says
    /// what did not go out.
    void close() noexcept { channel_.close(); }

private:
    static push_options checked(push_options options) {
        if (std::same_as<T, bytes> && options.batch.bytes > 0) {
            throw error{errc::bad_option,
                        "batch.bytes: leat::bytes cannot be batched, since their boundaries would be lost"};
        }
        return options;
    }

    detail::push_channel channel_;
    buffer scratch_;
};

}  // namespace leat

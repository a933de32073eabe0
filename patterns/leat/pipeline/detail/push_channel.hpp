#pragma once

#include <leat/buffer.hpp>
#include <leat/context.hpp>
#include <leat/pipeline/push_options.hpp>
#include <leat/socket.hpp>

#include <memory>
#include <mutex>

namespace leat::detail {

/// The untyped part of a pusher: its socket, and the frame that is being filled when it batches.
///
/// A frame that waits for more is sent by the context's loop when its time has come, so with batching the
/// socket has two users, and a mutex between them.
class push_channel {
public:
    push_channel(context& ctx, push_options options);
    ~push_channel();
    push_channel(push_channel&&) noexcept = default;

    [[nodiscard]] bool batches() const noexcept { return state_->limit > 0; }

    /// Sends a frame of one message.
    [[nodiscard]] status send(message& m, deadline until) { return state_->out.send(m, until); }

    /// Adds one message to the open frame: `encode(buffer&)` appends its bytes. Waits only while the frame
    /// before it, full, is not sent.
    template <class Encode>
    [[nodiscard]] status add(deadline until, const Encode& encode) {
        auto& s = *state_;
        const std::lock_guard lock{s.mutex};
        if (s.open.size() >= s.limit) {
            if (const auto why = s.send_open(until); why != status::ok) return why;
        }
        encode(s.open);
        if (++s.messages == 1) s.begin_delay();
        if (s.open.size() >= s.limit) static_cast<void>(s.send_open(deadline::now()));
        return status::ok;
    }

    [[nodiscard]] status flush(deadline until);

    /// Ends it: the open frame is sent if libzmq takes it within the linger, else its messages are counted as
    /// dropped.
    void close() noexcept;

    [[nodiscard]] const endpoints& bound() const noexcept { return bound_; }
    [[nodiscard]] socket& out() noexcept { return state_->out; }
    [[nodiscard]] const socket& out() const noexcept { return state_->out; }

private:
    /// Shared with the timers on the context's loop, which may outlast the pusher.
    struct shared : std::enable_shared_from_this<shared> {
        shared(context& ctx, push_options& options);  // takes options.socket

        status send_open(deadline until);
        void begin_delay();
        void schedule(deadline::clock::duration in);
        void on_timer();

        std::mutex mutex;
        const batching batch;
        const std::size_t limit;
        socket out;
        loop* events = nullptr;
        buffer open;
        std::uint32_t messages = 0;
        deadline::clock::time_point opened;
        bool scheduled = false;
        bool closed = false;
    };

    std::shared_ptr<shared> state_;
    endpoints bound_;
};

}  // namespace leat::detail

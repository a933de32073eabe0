#pragma once

#include <leat/context.hpp>
#include <leat/pipeline/pull_options.hpp>
#include <leat/socket.hpp>

namespace leat::detail {

/// The untyped part of a puller: its socket, the frame that is being decoded, and its counts.
class pull_channel {
public:
    pull_channel(context& ctx, pull_options options);

    /// Waits for the next frame.
    [[nodiscard]] status next_frame(deadline until);
    [[nodiscard]] const message& frame() const noexcept { return frame_; }

    /// Counts an object of the frame; the socket has counted the frame as one message already.
    void count_object() noexcept {
        if (++objects_ > 1) in_.counts().messages_received.add();
    }

    /// Counts how the frame has ended.
    void end_frame(decode_error error) noexcept;

    [[nodiscard]] socket& in() noexcept { return in_; }
    [[nodiscard]] const socket& in() const noexcept { return in_; }
    [[nodiscard]] const endpoints& bound() const noexcept { return bound_; }

    /// Closes the socket; returns `unread` and what had arrived beside it.
    std::uint64_t close(std::uint64_t unread);

private:
    socket in_;
    endpoints bound_;
    message frame_;
    std::uint64_t objects_ = 0;
    bool in_frame_ = false;
};

}  // namespace leat::detail

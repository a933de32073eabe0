#include <leat/error.hpp>
#include <leat/pipeline/detail/pull_channel.hpp>

namespace leat::detail {
namespace {

socket_options socket_options_of(pull_options& options) {
    if (options.bind.empty() && options.connect.empty()) {
        throw error{errc::bad_option, "a puller needs at least one endpoint to bind or connect"};
    }
    auto socket = std::move(options.socket);
    if (options.stop.stop_possible()) socket.stop = options.stop;
    return socket;
}

}  // namespace

pull_channel::pull_channel(context& ctx, pull_options options)
    : in_(ctx, role::pull, socket_options_of(options)) {
    for (const auto& at : options.bind) bound_.push_back(in_.bind(at));
    for (const auto& to : options.connect) in_.connect(to);
}

status pull_channel::next_frame(deadline until) {
    const auto why = in_.receive(frame_, until);
    in_frame_ = why == status::ok;
    return why;
}

void pull_channel::end_frame(decode_error error) noexcept {
    if (!in_frame_) return;
    if (objects_ == 0 && error == decode_error::none) error = decode_error::truncated;  // an empty frame
    if (error != decode_error::none) {
        static_assert(static_cast<std::size_t>(decode_error::too_long) < metrics::decode_reasons);
        in_.counts().decode_errors[static_cast<std::size_t>(error)].add();
        in_.counts().drop(drop_reason::undecodable);
    }
    in_.counts().batches_received.add();
    objects_ = 0;
    in_frame_ = false;
}

std::uint64_t pull_channel::close(std::uint64_t unread) {
    // What is there now; peers that go on sending do not keep it open.
    const auto most = in_.options().receive_high_water_mark();
    message rest;
    for (int i = 0; (most == 0 || i < most) && in_.receive(rest, deadline::now()) == status::ok; ++i)
        ++unread;
    in_.counts().drop(drop_reason::shutdown, unread);
    in_.close();
    return unread;
}

}  // namespace leat::detail

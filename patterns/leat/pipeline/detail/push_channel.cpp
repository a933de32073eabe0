#include <leat/error.hpp>
#include <leat/loop.hpp>
#include <leat/pipeline/detail/push_channel.hpp>

#include <algorithm>

namespace leat::detail {
namespace {

socket_options socket_options_of(push_options& options) {
    const auto& batch = options.batch;
    if (batch.bytes > options.socket.send_bytes / 4) {
        throw error{errc::bad_option, "batch.bytes is " + std::to_string(batch.bytes) +
                                          "; allowed is a quarter of send_bytes: " +
                                          std::to_string(options.socket.send_bytes / 4)};
    }
    if (batch.bytes > 0 && (batch.delay <= batch.delay.zero() || batch.delay > std::chrono::minutes{1})) {
        throw error{errc::bad_option, "batch.delay is " + std::to_string(batch.delay.count()) +
                                          " us; allowed are 1 to 60000000"};
    }
    if (options.bind.empty() && options.connect.empty()) {
        throw error{errc::bad_option, "a pusher needs at least one endpoint to bind or connect"};
    }
    auto socket = std::move(options.socket);
    socket.frame_bytes = std::max(socket.frame_bytes, batch.bytes);
    if (options.stop.stop_possible()) socket.stop = options.stop;
    return socket;
}

}  // namespace

push_channel::shared::shared(context& ctx, push_options& options)
    : batch(options.batch), limit(options.batch.bytes), out(ctx, role::push, socket_options_of(options)) {
    if (limit > 0) events = &ctx.background();
}

push_channel::push_channel(context& ctx, push_options options)
    : state_(std::make_shared<shared>(ctx, options)) {
    for (const auto& at : options.bind) bound_.push_back(state_->out.bind(at));
    for (const auto& to : options.connect) state_->out.connect(to);
}

push_channel::~push_channel() {
    close();
}

void push_channel::close() noexcept {
    if (!state_) return;
    const std::lock_guard lock{state_->mutex};
    if (state_->closed) return;
    state_->closed = true;
    auto& s = *state_;
    if (s.messages > 0) {
        try {
            if (s.send_open(s.out.options().linger) != status::ok)
                s.out.counts().drop(drop_reason::linger, s.messages);
        } catch (const std::exception&) {
            s.out.counts().drop(drop_reason::linger, s.messages);
        }
    }
    s.out.hand_over();
    s.out.close();
}

status push_channel::flush(deadline until) {
    {
        const std::lock_guard lock{state_->mutex};
        if (state_->messages > 0) {
            if (const auto why = state_->send_open(until); why != status::ok) return why;
        }
    }
    if (!batches()) return state_->out.wait_sent(until);
    const std::lock_guard lock{state_->mutex};
    state_->out.hand_over();
    return state_->out.wait_sent(until);
}

status push_channel::shared::send_open(deadline until) {
    out.hand_over();  // the mutex orders this thread's use after the other's
    const auto size = open.size();
    // A block that is mostly empty is copied, so that what waits in libzmq takes no more memory than its
    // bytes.
    const bool copy = size < open.capacity() / 2;
    message frame = copy ? message{open.view()} : message{};
    if (!copy) frame = message::adopt(open.release(), size);
    const auto why = out.send(frame, until, messages);
    if (why == status::ok) {
        out.counts().batches_sent.add();
        messages = 0;
        open.clear();
        if (!copy) open.reserve(limit + limit / 8);
    } else if (!copy) {
        open.write(reinterpret_cast<const char*>(frame.data()), size);
    }
    return why;
}

void push_channel::shared::begin_delay() {
    opened = deadline::clock::now();
    if (scheduled) return;
    scheduled = true;
    schedule(batch.delay);
}

void push_channel::shared::schedule(deadline::clock::duration in) {
    events->post([in, self = weak_from_this(), at = events] {
        at->after(in, [self] {
            if (const auto alive = self.lock()) alive->on_timer();
        });
    });
}

// One timer follows a busy pusher from frame to frame; it ends when it finds nothing to send.
void push_channel::shared::on_timer() {
    const std::unique_lock lock{mutex, std::try_to_lock};
    if (!lock) return schedule(batch.delay);  // the owner is sending, perhaps waiting for room
    if (closed || messages == 0) {
        scheduled = false;
        return;
    }
    const auto due = opened + batch.delay;
    const auto now = deadline::clock::now();
    if (now >= due) static_cast<void>(send_open(deadline::now()));
    out.hand_over();
    schedule(now >= due ? deadline::clock::duration{batch.delay} : due - now);
}

}  // namespace leat::detail

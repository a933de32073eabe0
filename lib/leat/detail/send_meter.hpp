#pragma once

#include <leat/message.hpp>
#include <leat/stop.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace leat::detail {

/// Counts what a socket has accepted and libzmq has not yet handed to the kernel, which libzmq itself does
/// not tell.
///
/// A message with a free function of its own tells when libzmq is done with it. Giving one to each small
/// frame would cost more than sending it, so one frame, the marker, stands for a group: those sent since the
/// last marker, at most 61 (a prime, so that markers do not all go to the same one of several peers) and 16
/// KiB. While nothing is under way each frame is a marker, so slow senders are counted exactly.
///
/// The sending thread calls everything but `pending`, `expired` and what libzmq's threads call on release.
class send_meter : public std::enable_shared_from_this<send_meter> {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::uint32_t group_frames = 61;
    static constexpr std::size_t group_bytes = 16u << 10;
    static constexpr std::size_t frame_overhead = 64;  // libzmq's message structure in the pipe

    /// True when the next frame is to be sent as `mark` makes it.
    [[nodiscard]] bool due() const noexcept {
        return (frames_ + 1 >= group_frames || bytes_ >= group_bytes || idle()) && on_;
    }

    /// Over inproc the receiver holds the very message that was sent, so its release says nothing: such
    /// sockets do not count.
    void turn_off() noexcept { on_ = false; }
    [[nodiscard]] bool on() const noexcept { return on_; }

    /// Counts a frame that libzmq accepted without a marker. `messages` is what it stands for: a batch is
    /// several.
    void accept(std::size_t size, std::uint32_t messages) noexcept {
        ++frames_;
        bytes_ += size + frame_overhead;
        add(accepted_, messages);
    }

    /// Counts `m` as accepted and wraps it so that its release is noticed. `size` is what is accounted: that
    /// of all parts when `m` is the last one.
    [[nodiscard]] message mark(message&& m, std::uint32_t messages, std::size_t size);

    /// Takes back the last `mark`, whose message libzmq did not accept.
    message unmark(message&& marked) noexcept;

    /// True when the last marked message was freed on the sender's own thread: libzmq dropped it at once.
    [[nodiscard]] bool freed_by_sender() const noexcept { return freed_by_sender_; }

    /// Messages accepted and not yet handed on, to within one group. Any thread.
    [[nodiscard]] std::uint64_t pending() const noexcept {
        const auto done = done_.messages.load(std::memory_order_acquire);
        if (done >= marked_.load(std::memory_order_relaxed)) return 0;
        return accepted_.load(std::memory_order_relaxed) - done;
    }

    /// Bytes accepted and not yet handed on.
    [[nodiscard]] std::size_t pending_bytes() const noexcept {
        return on_ ? marked_bytes_ + bytes_ - done_.bytes.load(std::memory_order_relaxed) : 0;
    }

    /// From now on, what libzmq lets go after `linger` counts as expired: it was dropped unsent.
    void close(std::chrono::milliseconds linger) noexcept;

    /// Messages that were dropped when their linger ended. Any thread.
    [[nodiscard]] std::uint64_t expired() const noexcept {
        return done_.expired.load(std::memory_order_acquire);
    }

    /// True when all markers were let go. What was sent after the last one may be under way: nothing tells of
    /// it.
    [[nodiscard]] bool idle() const noexcept {
        return marked_.load(std::memory_order_relaxed) == done_.messages.load(std::memory_order_acquire);
    }

    /// Raised once no more than `bytes` are pending or all markers are let go, after `wake_below(bytes)` (or
    /// none, after `wake_when_idle`) and until `no_wake`.
    [[nodiscard]] const wake_up& released() const noexcept { return released_; }
    void wake_below(std::size_t bytes) noexcept {
        wake_at_.store(bytes_ < bytes ? marked_bytes_ + bytes_ - bytes : marked_bytes_);
        // The look at `pending_bytes` that follows must not come first: see `release`.
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    void wake_when_idle() noexcept {
        wake_at_.store(marked_bytes_);
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    void no_wake() noexcept { wake_at_.store(never); }

private:
    struct marker;

    static void add(std::atomic<std::uint64_t>& to, std::uint64_t n) noexcept {
        to.store(to.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    static void on_free(void* data, void* hint);
    void release(const marker& group) noexcept;

    bool on_ = true;
    std::uint32_t frames_ = 0;  // since the last marker
    std::size_t bytes_ = 0;
    std::size_t marked_bytes_ = 0;
    std::atomic<std::uint64_t> accepted_{0};
    std::atomic<std::uint64_t> marked_{0};  // those of them that a marker stands for
    marker* last_ = nullptr;
    bool freed_by_sender_ = false;  // the sender's thread alone touches it

    struct alignas(64) {  // written by libzmq's threads
        std::atomic<std::uint64_t> messages{0};
        std::atomic<std::size_t> bytes{0};
        std::atomic<std::uint64_t> expired{0};
    } done_;
    static constexpr auto never = static_cast<std::size_t>(-1);
    alignas(64) std::atomic<std::size_t> wake_at_{never};  // bytes done
    std::atomic<clock::rep> linger_ends_{0};
    wake_up released_;
};

}  // namespace leat::detail

#pragma once

#include <leat/curve.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>

namespace leat {

/// How a socket behaves, fixed when it is made, so before any bind or connect.
///
/// The defaults fit real networks: everything is bounded, dead hosts are noticed by TCP keepalive, and a lost
/// connection is retried at a rate that falls.
struct socket_options {
    /// Bytes that the socket holds accepted and not yet handed to the kernel, over all peers; counted as the
    /// frames' sizes + 64 each. A send beyond it waits. Frames under 16 KiB are accounted in groups, so the
    /// bound is exact to 32 KiB and one frame. At least 64 KiB.
    std::size_t send_bytes = 64u << 20;

    /// Bytes of frames of `frame_bytes` that may wait unread, for each peer. libzmq counts frames, not bytes:
    /// the hard bound is `receive_bytes / frame_bytes` frames of at most `max_message` bytes each.
    std::size_t receive_bytes = 8u << 20;

    /// The size of a typical frame: turns the byte bounds into libzmq's high-water marks, which count frames
    /// for each peer. One peer that stops reading fills half of `send_bytes` at the most, so others go on.
    /// The default gives marks of 8,192 and 2,048: with ten times as many, small frames leave the processor's
    /// cache before they are sent.
    std::size_t frame_bytes = 4096;

    /// The high-water marks themselves, in frames for each peer, instead of what follows from the bytes. 0 =
    /// no limit.
    std::optional<int> send_frames = {};
    std::optional<int> receive_frames = {};

    /// The largest frame taken from a peer; one that sends a larger one is disconnected. At least 1 byte.
    std::size_t max_message = 16u << 20;

    /// How long a closed socket goes on trying to send what it has accepted. Bounded: at most an hour.
    std::chrono::milliseconds linger = std::chrono::seconds{1};

    /// The first pause before a lost connection is tried again; each further one is twice as long, up to the
    /// cap.
    std::chrono::milliseconds reconnect_first{100};
    std::chrono::milliseconds reconnect_cap = std::chrono::seconds{5};

    /// A peer that has not finished the ZMTP handshake by then is disconnected.
    std::chrono::milliseconds handshake = std::chrono::seconds{10};

    /// TCP keepalive: the first probe after so much silence, then one each interval; the connection ends
    /// after `count` probes without an answer. `idle` 0 leaves it to the system.
    struct keepalive_options {
        std::chrono::seconds idle{30};
        std::chrono::seconds interval{10};
        int count = 3;
    } keepalive = {};

    /// ZMTP heartbeats (RFC 23): off unless set. Only for peers that never stop reading: a peer that is slow
    /// to read is taken for dead, and what it had not read yet is lost.
    std::optional<std::chrono::milliseconds> heartbeat = {};

    /// Queue messages only for peers that are connected. Without it a connect queues from the first moment.
    bool immediate = false;

    /// Count what is under way, for `socket::pending`, the bound of `send_bytes` and the losses at the end. A
    /// protocol that counts for itself can spare each message that work: `pending` is then 0.
    bool count_pending = true;

    /// Allows a TCP bind beyond loopback without CURVE: anyone who can reach the port can then read and
    /// write.
    bool insecure = false;

    /// CURVE: at most one of the two.
    std::optional<curve_server> server = {};
    std::optional<curve_client> client = {};

    /// Ends every blocking call with `status::stopped`.
    std::stop_token stop = {};

    /// Follow connections (`socket::peers`, `wait_connected`, the connection metrics) on the context's loop
    /// thread.
    bool monitor = true;

    /// The high-water marks that libzmq gets.
    [[nodiscard]] int send_high_water_mark() const noexcept;
    [[nodiscard]] int receive_high_water_mark() const noexcept;

    /// @throws leat::error (`errc::bad_option`) naming the first option that is out of its range.
    void check() const;
};

}  // namespace leat

#pragma once

#include <leat/buffer.hpp>
#include <leat/message.hpp>

#include <msgpack.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace leat::detail {

/// What a message of the request/reply protocol is. Drawn in docs/protocol.md.
enum class call_kind : std::uint8_t {
    request = 1,
    cancel = 2,
    ping = 3,
    reply = 4,
    error = 5,  ///< The body is [code, text].
    alive = 6,  ///< The server still has the call.
    pong = 7,
    hello = 8,   ///< A server that has connected to a requester.
    bye = 9,     ///< It leaves.
    batch = 10,  ///< The body holds several requests, or answers.
};

/// The last frame of the envelope, before the empty one. A plain REP gives it back as it was.
struct call_header {
    static constexpr std::string_view protocol = "lr1";

    std::string_view magic = protocol;
    std::uint8_t kind = 0;
    std::uint32_t session = 0;  ///< Random for each requester.
    std::uint64_t call = 0;

    // Of requests; what answers have in the first one's place is below.
    std::uint32_t remaining_ms = 0;  ///< Until the deadline, as of sending; no_deadline for none.
    std::uint32_t heartbeat_ms = 0;  ///< Signs of life are wanted each so often; 0: none.
    std::uint32_t sent_ms = 0;       ///< The wall clock when it was sent, the lower 32 bits of milliseconds.
    std::string_view method = {};

    static constexpr std::uint32_t no_deadline = 0xffff'ffff;

    [[nodiscard]] call_kind what() const noexcept { return static_cast<call_kind>(kind); }

    /// Of an answer: no relay is between its server and the requester, which may send batches.
    [[nodiscard]] bool takes_batches() const noexcept { return remaining_ms != 0; }
    void set_takes_batches() noexcept { remaining_ms = 1; }

    /// Of a hello, in the same place: the next one comes by then. 0: as often as the requester wants.
    [[nodiscard]] std::chrono::milliseconds speaks_each() const noexcept {
        constexpr std::uint32_t hour = 3'600'000;
        return std::chrono::milliseconds{std::min(remaining_ms, hour)};
    }
    void set_speaks_each(std::chrono::milliseconds time) noexcept {
        remaining_ms = static_cast<std::uint32_t>(time.count());
    }

    MSGPACK_DEFINE(magic, kind, session, call, remaining_ms, heartbeat_ms, sent_ms, method)
};

inline constexpr std::size_t longest_method = 255;

/// The other side is lost when nothing was heard of it for so many heartbeats.
inline constexpr std::int64_t heartbeats_to_loss = 3;

/// The header of everything but a request, as it is written.
struct answer_header {
    explicit answer_header(const call_header& of)
        : magic(of.magic),
          kind(of.kind),
          session(of.session),
          call(of.call),
          takes_batches(of.remaining_ms) {}

    std::string_view magic;
    std::uint8_t kind;
    std::uint32_t session;
    std::uint64_t call;
    std::uint32_t takes_batches;
    MSGPACK_DEFINE(magic, kind, session, call, takes_batches)
};

/// Writes the header of a request, or the fields that all others have. `scratch` keeps its room.
[[nodiscard]] message write_header(const call_header& header, buffer& scratch);

/// Whether `frame` is a header; if so `out`, whose views refer to the frame.
[[nodiscard]] bool read_header(const message& frame, call_header& out);

/// The wall clock as `sent_ms` has it.
[[nodiscard]] std::uint32_t wall_clock_ms();

}  // namespace leat::detail

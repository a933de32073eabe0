#pragma once

#include <leat/buffer.hpp>
#include <leat/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a queue and its clients say to each other. docs/protocol.md has the same for readers in other
// languages, with the rules around it.
//
// A client is a DEALER, a queue a ROUTER. Each ZeroMQ message is a header frame, which is one msgpack array,
// and for PUT and DELIVER a second frame, which is the messages' bodies back to back:
//
//   ┌ header frame ─────────────────────────────────────┐ ┌ body frame ───────────┐
//   │ [[command, session, counter, seen], ...]          │ │ body │ body │ body ...│
//   └───────────────────────────────────────────────────┘ └───────────────────────┘
//
// Arrays may grow at the end, and maps anywhere: what a reader does not know it steps over, what is missing
// has the default that stands here. A number is never negative.

namespace leat::detail::wire {

inline constexpr std::uint8_t version = 1;

enum class command : std::uint8_t {
    hello = 1,
    put = 2,
    credit = 3,
    settle = 4,
    extend = 5,
    ping = 6,
    stat = 7,
    bye = 8,
    peek = 9,
    letters = 10,
    operate = 11,
    need = 12,
    resume = 13,

    welcome = 17,
    confirm = 18,
    refuse = 19,
    grant = 20,
    deliver = 21,
    settled = 22,
    lost = 23,
    pong = 24,
    status = 25,
    error = 26,
    messages = 27,
    dead = 28,
    done = 29,
    state = 30,
};

enum class role : std::uint8_t { producer = 1, consumer = 2, admin = 3 };

/// What every frame begins with: its command, the session that it belongs to, which one of its sender it is
/// there, and the highest number that the sender has seen from the other side. Both count from 1 without a
/// gap. The client chooses the session's number in its HELLO, which is the session's first frame: another one
/// each time, so that what belongs to an older one is told from the rest.
struct head {
    std::uint8_t what = 0;  ///< command
    std::uint64_t session = 0;
    std::uint64_t counter = 0;
    std::uint64_t seen = 0;
    MSGPACK_DEFINE(what, session, counter, seen)
};

[[nodiscard]] constexpr head head_of(command what) noexcept {
    return {static_cast<std::uint8_t>(what), 0, 0, 0};
}

/// `first` to `last`, both within. Lists of ranges are ascending and do not touch each other's numbers.
struct range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    friend bool operator==(const range&, const range&) = default;
    MSGPACK_DEFINE(first, last)
};
using ranges = std::vector<range>;

/// What a message has beside its body, where it is not the default. A queue reads what it needs, and keeps
/// and delivers the bytes as they came, so fields of later versions pass through.
struct attributes {
    std::string_view key;
    std::string_view id;
    std::optional<std::uint8_t> priority;
    std::optional<std::uint64_t> ttl;    ///< ms, from when it may be taken
    std::optional<std::uint64_t> delay;  ///< ms
    std::optional<std::uint64_t> at;     ///< ms since 1970 UTC, instead of a delay
    std::optional<std::uint8_t> hops;    ///< How many queues it has gone through before.
    std::map<std::string_view, std::string_view> headers;
    MSGPACK_DEFINE_MAP(key, id, MSGPACK_NVP("pri", priority), ttl, delay, at, hops,
                       MSGPACK_NVP("hdr", headers))
};

/// The attributes of one message of a PUT.
struct put_special {
    std::uint32_t index = 0;      ///< Which message of the frame, from 0; ascending.
    msgpack::type::raw_ref head;  ///< `attributes`, as one msgpack object.
    std::uint64_t waited = 0;     ///< ms in its producer's memory, which count for its ttl.
    MSGPACK_DEFINE(index, head, waited)
};

/// What is to be said of one message of a DELIVER.
struct deliver_special {
    std::uint32_t index = 0;
    msgpack::type::raw_ref head;
    std::uint32_t attempts = 0;                  ///< Charged so far: failures.
    std::uint32_t deliveries = 0;                ///< Before this one, in this opening.
    std::optional<std::uint64_t> ttl_left = {};  ///< ms, of its own ttl.
    MSGPACK_DEFINE(index, head, attempts, deliveries, ttl_left)
};

/// One outcome for all deliveries within the ranges that are the sender's and not settled yet.
struct settlement {
    static constexpr std::uint8_t given_up = 4;  ///< The library's own: a handler has held it for `max_hold`.
    std::uint8_t outcome = 0;                    ///< leat::outcome, or given_up
    ranges deliveries;
    std::optional<std::uint64_t> delay;  ///< ms, of a retry
    std::string text;                    ///< of a reject
    MSGPACK_DEFINE(outcome, deliveries, delay, text)
};

/// One answer to the puts within the range.
struct refused {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint8_t reason = 0;  ///< leat::refusal
    std::string text;
    MSGPACK_DEFINE(first, last, reason, text)
};

// From the client.

struct hello {
    static constexpr auto id = command::hello;
    head at = head_of(id);
    std::uint8_t least = version;
    std::uint8_t most = version;
    std::uint64_t features = 0;  ///< Bits; none is defined yet.
    std::uint8_t as = 0;         ///< role
    std::string queue;
    std::string client;   ///< 16 bytes, random, the same for as long as the client lives
    std::string process;  ///< 16 bytes, random, one a process

    // A producer's.
    std::uint64_t floor = 1;  ///< The lowest number of a put without verdict.
    bool in_order = false;
    std::string stage = {};  ///< The name of the transfer or stage whose puts have custody marks.

    // A consumer's that was here before.
    std::uint64_t opening = 0;  ///< Of which `holds` and `outcomes` are; 0 for none.
    ranges holds;
    std::vector<settlement> outcomes;
    bool pure = false;  ///< No user code sees what it takes: its losses are not the messages' fault (C1).
    MSGPACK_DEFINE(at, least, most, features, as, queue, client, process, floor, in_order, opening, holds,
                   outcomes, stage, pure)
};

/// Where messages that carry a custody mark come from.
struct mark_source {
    std::string queue;        ///< 16 bytes: the id of the queue that the transfer or stage takes from.
    std::uint64_t salt = 0;   ///< Of the opening that admitted them there.
    std::uint64_t floor = 0;  ///< As that queue has said last: what is below has ended there.
    MSGPACK_DEFINE(queue, salt, floor)
};

/// Which of them a message was made of.
struct mark {
    std::uint32_t index = 0;   ///< Which message of the frame, from 0; ascending.
    std::uint32_t source = 0;  ///< Which of the frame's sources, from 0.
    std::uint64_t seq = 0;
    MSGPACK_DEFINE(index, source, seq)
};

/// Messages with the numbers `first`, `first` + 1, ..., one a size.
struct put {
    static constexpr auto id = command::put;
    static constexpr std::uint8_t in_order = 1;  ///< A flag.
    head at = head_of(id);
    std::uint64_t first = 0;
    std::uint64_t floor = 1;  ///< The lowest number without verdict.
    std::uint8_t flags = 0;
    std::vector<std::uint32_t> sizes;  ///< Bytes of each body.
    std::vector<put_special> special;  ///< Of the messages that have attributes.
    std::vector<mark_source> sources;
    std::vector<mark> marks;  ///< Of the messages that have one (U6).
    MSGPACK_DEFINE(at, first, floor, flags, sizes, special, sources, marks)
};

/// A consumer's credit, counted from the session's beginning: the queue delivers no more than that in all.
/// The delivery that reaches the total of bytes may exceed it, so none is too large for a credit.
struct credit {
    static constexpr auto id = command::credit;
    head at = head_of(id);
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  ///< Of attributes and bodies.
    MSGPACK_DEFINE(at, messages, bytes)
};

struct settle {
    static constexpr auto id = command::settle;
    head at = head_of(id);
    std::vector<settlement> groups;
    MSGPACK_DEFINE(at, groups)
};

/// Renews the leases of all that the consumer holds, but these.
struct extend {
    static constexpr auto id = command::extend;
    head at = head_of(id);
    ranges except;
    MSGPACK_DEFINE(at, except)
};

struct ping {
    static constexpr auto id = command::ping;
    head at = head_of(id);
    std::uint64_t token = 0;  ///< Comes back in PONG.
    MSGPACK_DEFINE(at, token)
};

/// A producer's next PUT is larger than what is left of its credit.
struct need {
    static constexpr auto id = command::need;
    head at = head_of(id);
    std::uint64_t bytes = 0;  ///< The total, as in GRANT, that it needs for that.
    MSGPACK_DEFINE(at, bytes)
};

/// An in-order producer has taken note of a refusal: what it puts from now on may be stored again.
struct resume {
    static constexpr auto id = command::resume;
    head at = head_of(id);
    MSGPACK_DEFINE(at)
};

struct bye {
    static constexpr auto id = command::bye;
    head at = head_of(id);
    MSGPACK_DEFINE(at)
};

// From the queue.

/// Messages with this sequence number and above have this salt, up to the next one's.
struct salted {
    std::uint64_t first = 0, salt = 0;
    MSGPACK_DEFINE(first, salt)
};

struct welcome {
    static constexpr auto id = command::welcome;
    head at = head_of(id);
    std::uint8_t version = wire::version;
    std::uint64_t features = 0;
    std::string queue_id;       ///< 16 bytes: the queue's uuid.
    std::uint64_t opening = 0;  ///< +1 each time that the queue is opened.
    std::uint64_t salt =
        0;  ///< Of the opening; with the queue's id and a sequence number it names a message.
    std::uint64_t lease = 0;            ///< ms
    std::uint64_t session_timeout = 0;  ///< ms without a frame, on both sides
    std::uint64_t max_hold = 0;         ///< ms
    std::uint64_t max_message = 0;      ///< Bytes of one body.

    // To a producer.
    bool known = false;               ///< The queue remembers it; else nothing is known of earlier puts.
    std::uint64_t decided = 0;        ///< The highest number with a verdict that lasts; all below have one.
    std::vector<refused> not_stored;  ///< Those of them that were refused.
    std::uint64_t bytes = 0;          ///< GRANT's first.

    // To a consumer that came back.
    bool resumed = false;  ///< `holds` and `outcomes` were taken.
    ranges gone;           ///< What it said that it holds and does not any more.

    std::uint8_t state = 0;  ///< As in STATE.

    /// To a consumer: of all openings of which messages may be there, ascending. None: all are of this one.
    std::vector<salted> salts;
    std::uint64_t floor = 0;  ///< To a consumer: messages with lower numbers have ended.
    /// How safe a confirm is: leat::durability.
    std::uint8_t promise = 0;
    MSGPACK_DEFINE(at, version, features, queue_id, opening, salt, lease, session_timeout, max_hold,
                   max_message, known, decided, not_stored, bytes, resumed, gone, state, salts, floor,
                   promise)
};

/// Why the queue may be silent. Sent when it changes.
struct state {
    static constexpr auto id = command::state;
    static constexpr std::uint8_t standby = 1, takes_paused = 2, puts_paused = 4, draining = 8;
    head at = head_of(id);
    std::uint8_t flags = 0;
    MSGPACK_DEFINE(at, flags)
};

/// Puts that are as safe as the queue's durability says; ascending, each number once.
struct confirm {
    static constexpr auto id = command::confirm;
    head at = head_of(id);
    ranges stored;
    ranges duplicate;
    std::vector<std::uint64_t> sequences;  ///< For each range stored, the first message's own number.
    MSGPACK_DEFINE(at, stored, duplicate, sequences)
};

struct refuse {
    static constexpr auto id = command::refuse;
    head at = head_of(id);
    std::vector<refused> puts;
    MSGPACK_DEFINE(at, puts)
};

/// A producer's credit, counted from the session's beginning: bytes of PUT's two frames together.
struct grant {
    static constexpr auto id = command::grant;
    head at = head_of(id);
    std::uint64_t bytes = 0;
    std::uint64_t window = 0;  ///< How much it is granted at a time. More comes when half of it is used.
    MSGPACK_DEFINE(at, bytes, window)
};

/// Deliveries with the numbers `first`, `first` + 1, ..., one a size.
struct deliver {
    static constexpr auto id = command::deliver;
    head at = head_of(id);
    std::uint64_t first = 0;
    std::vector<std::uint32_t> sizes;
    std::vector<std::uint64_t>
        sequences;  ///< The messages' own numbers, as the first, and then each one's distance to
                    ///< the one before; an empty list's distances are all 1.
    std::vector<deliver_special> special;
    MSGPACK_DEFINE(at, first, sizes, sequences, special)
};

struct settled {
    static constexpr auto id = command::settled;
    head at = head_of(id);
    std::uint64_t applied = 0;  ///< Outcomes of this session that had an effect,
    std::uint64_t stale = 0;    ///< and those that came too late, or were of nothing that it held.
    std::uint64_t committed =
        0;  ///< The highest counter of a SETTLE whose outcomes are all as safe as the queue's puts.
    std::uint64_t floor = 0;  ///< As in WELCOME.
    MSGPACK_DEFINE(at, applied, stale, committed, floor)
};

/// Deliveries that have ended without an outcome.
struct lost {
    static constexpr auto id = command::lost;
    head at = head_of(id);
    ranges deliveries;
    MSGPACK_DEFINE(at, deliveries)
};

struct pong {
    static constexpr auto id = command::pong;
    head at = head_of(id);
    std::uint64_t token = 0;
    MSGPACK_DEFINE(at, token)
};

enum class error_code : std::uint8_t {
    bad_version = 1,
    no_queue = 2,
    not_permitted = 3,
    session_lost = 4,
    out_of_sequence = 5,
    bad_frame = 6,
    unknown_command = 7,
    too_many_sessions = 8,
    rolled_back = 9,
    standby = 10,
};

struct error {
    static constexpr auto id = command::error;
    head at = head_of(id);
    std::uint8_t code = 0;  ///< error_code
    std::string text;
    bool goes_on = false;  ///< The session does.
    std::uint8_t least = version, most = version;
    MSGPACK_DEFINE(at, code, text, goes_on, least, most)
};

/// The attributes of one message, encoded.
inline constexpr std::size_t longest_attributes = 64u << 10;

/// The command of a header frame, which may be one that this version does not know; nothing when it is no
/// frame of this protocol.
[[nodiscard]] std::optional<command> command_of(std::span<const std::byte> header) noexcept;

/// Limits for the header frames of peers.
[[nodiscard]] decode_limits header_limits() noexcept;

// Whether what was decoded keeps the rules that the types cannot say. A frame that does not takes nothing.

/// Sorts, and joins what touches. Without overlaps it stays without.
void tidy(ranges& list);

/// Ascending, not empty, and without overlap.
[[nodiscard]] bool valid(const ranges& list) noexcept;
[[nodiscard]] bool valid(const std::vector<settlement>& groups) noexcept;
[[nodiscard]] bool valid(const hello& frame) noexcept;

/// `body` is the size of the body frame.
[[nodiscard]] bool valid(const put& frame, std::size_t body) noexcept;
[[nodiscard]] bool valid(const deliver& frame, std::size_t body) noexcept;

}  // namespace leat::detail::wire

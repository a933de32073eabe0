#pragma once

#include <leat/queue/detail/wire.hpp>

// What those ask and are told who look into a queue or steer it. Each question has a token, which its answer
// brings back. All but STAT need a session of role admin.

namespace leat::detail::wire {

struct stat {
    static constexpr auto id = command::stat;
    head at = head_of(id);
    std::uint64_t token = 0;
    MSGPACK_DEFINE(at, token)
};

/// The first messages that may be handed out.
struct peek {
    static constexpr auto id = command::peek;
    head at = head_of(id);
    std::uint64_t token = 0;
    std::uint64_t most = 0;
    MSGPACK_DEFINE(at, token, most)
};

/// Which dead letters: what is nil, or empty, or 0 leaves it open.
struct selection {
    std::optional<std::uint8_t> why;  ///< leat::death
    std::optional<std::string> key;
    std::optional<std::uint64_t> older_than;  ///< ms since the death
    std::vector<std::uint64_t> seqs;
    std::uint64_t after = 0;  ///< Those with a higher seq.
    MSGPACK_DEFINE(why, key, older_than, seqs, after)
};

struct letters {
    static constexpr auto id = command::letters;
    head at = head_of(id);
    std::uint64_t token = 0;
    std::uint64_t most = 0;
    selection which;
    MSGPACK_DEFINE(at, token, most, which)
};

enum class operation : std::uint8_t {
    purge = 1,
    purge_dead = 2,
    redrive = 3,
    pause_puts = 4,
    resume_puts = 5,
    pause_takes = 6,
    resume_takes = 7,
};

struct operate {
    static constexpr auto id = command::operate;
    head at = head_of(id);
    std::uint64_t token = 0;
    std::uint8_t what = 0;   ///< operation
    std::uint64_t most = 0;  ///< Of a redrive.
    selection which;         ///< The same.
    MSGPACK_DEFINE(at, token, what, most, which)
};

/// One consumer in STATUS.
struct consumer_figures {
    std::string client;  ///< 16 bytes, of its HELLO
    bool standby = false, barred = false;
    std::uint64_t in_flight = 0, bytes = 0;
    std::uint64_t credit_messages = 0, credit_bytes = 0;
    MSGPACK_DEFINE(client, standby, barred, in_flight, bytes, credit_messages, credit_bytes)
};

struct held_key {
    std::string key;
    std::uint64_t age = 0;  ///< ms
    std::uint64_t waiting = 0;
    MSGPACK_DEFINE(key, age, waiting)
};

struct status {
    static constexpr auto id = command::status;
    head at = head_of(id);
    std::uint64_t token = 0;
    std::map<std::string, std::uint64_t> counts;
    std::vector<consumer_figures> consumers;
    std::vector<held_key> keys;
    MSGPACK_DEFINE(at, token, counts, consumers, keys)
};

/// One message of MESSAGES; its body is in the body frame.
struct waiting {
    std::uint64_t seq = 0;
    std::uint32_t size = 0;
    std::string head;         ///< `attributes`, as one msgpack object
    std::uint64_t since = 0;  ///< ms since 1970 UTC
    std::uint32_t attempts = 0;
    MSGPACK_DEFINE(seq, size, head, since, attempts)
};

struct messages {
    static constexpr auto id = command::messages;
    head at = head_of(id);
    std::uint64_t token = 0;
    std::vector<waiting> all;
    MSGPACK_DEFINE(at, token, all)
};

/// One letter of DEAD; its body is in the body frame. Times are ms since 1970 UTC.
struct letter {
    std::uint64_t seq = 0;
    std::uint32_t size = 0;
    std::string head;
    std::string queue;  ///< 16 bytes; with salt and sequence the message's name for ever
    std::uint64_t salt = 0, sequence = 0;
    std::uint8_t why = 0;
    std::string text;
    std::uint32_t attempts = 0, losses = 0, deliveries = 0, redrives = 0;
    std::uint64_t put_at = 0, died_at = 0;
    std::optional<std::uint64_t> delivered_at;
    std::string last_consumer;  ///< 16 bytes
    MSGPACK_DEFINE(seq, size, head, queue, salt, sequence, why, text, attempts, losses, deliveries, redrives,
                   put_at, died_at, delivered_at, last_consumer)
};

struct dead {
    static constexpr auto id = command::dead;
    head at = head_of(id);
    std::uint64_t token = 0;
    std::vector<letter> all;
    bool more = false;  ///< There are more, after the last of these.
    MSGPACK_DEFINE(at, token, all, more)
};

struct done {
    static constexpr auto id = command::done;
    head at = head_of(id);
    std::uint64_t token = 0;
    std::uint64_t count = 0;  ///< Messages that the operation has changed.
    std::uint64_t left = 0;   ///< Of a redrive: selected, and still there.
    MSGPACK_DEFINE(at, token, count, left)
};

/// What all answers begin with.
struct answer_beginning {
    head at;
    std::uint64_t token = 0;
    MSGPACK_DEFINE(at, token)
};

[[nodiscard]] bool valid(const operate& frame) noexcept;
[[nodiscard]] bool valid(const letters& frame) noexcept;

/// Whether the bodies' sizes add up to the body frame.
[[nodiscard]] bool valid(const messages& frame, std::size_t body) noexcept;
[[nodiscard]] bool valid(const dead& frame, std::size_t body) noexcept;

}  // namespace leat::detail::wire

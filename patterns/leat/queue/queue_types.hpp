#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace leat {

/// When a put is confirmed, and so what a confirm is worth.
enum class durability : std::uint8_t {
    commit,    ///< After the message is on disk and synced.
    interval,  ///< When taken; written and synced each `queue_rules::interval`.
    memory,    ///< When taken; gone with the process.
};

/// What happens to a put for which a queue has no room.
enum class queue_overflow : std::uint8_t {
    block,        ///< It waits, and its producer with it, first come first served.
    reject,       ///< It is refused as `full`.
    drop_oldest,  ///< The oldest messages that nobody holds make room.
};

/// What a consumer says of a delivery.
enum class outcome : std::uint8_t {
    ack,      ///< Done: the message is gone.
    release,  ///< Not tried: back to its place, no penalty.
    retry,    ///< Failed for now: one attempt is charged, and it comes again after a back-off.
    reject,   ///< Will never work: to the dead letters.
};

/// The one answer to a put.
enum class verdict : std::uint8_t {
    stored,
    duplicate,  ///< Stored before, by this put or by one with its id: as good as stored.
    refused,    ///< Not stored; a `put_refusal` says why.
};

/// Why a put was refused (W4).
enum class put_refusal : std::uint8_t {
    none,
    too_large,      ///< Larger than `max_message`, or than the whole queue.
    bad_message,    ///< An attribute is out of its range.
    unroutable,     ///< No queue matches.
    expired,        ///< Its ttl had passed before it came.
    too_many_hops,  ///< It went through more than `max_hops` queues.
    full,           ///< No room, and the queue's policy is not to wait.
    paused,         ///< Puts are paused.
    store_failed,   ///< It could not be written.
    marks_full,     ///< Too many custody marks of its source are open.
    draining,       ///< The queue is about to close.
    moved,          ///< Its shard is another queue now.
    after_refusal,  ///< An earlier put of an in-order producer was refused.
};
inline constexpr std::size_t put_refusals = 13;

/// What a refusal asks of the producer (W4).
enum class refusal_kind : std::uint8_t {
    final,  ///< The same message will be refused again: back to the caller.
    now,    ///< It may fit another time: back to the caller, unless order matters.
    later,  ///< The library keeps it and sends it again.
};

[[nodiscard]] constexpr refusal_kind kind_of(put_refusal why) noexcept {
    if (why >= put_refusal::draining) return refusal_kind::later;
    return why >= put_refusal::full ? refusal_kind::now : refusal_kind::final;
}

/// Why a message became a dead letter.
enum class death : std::uint8_t {
    attempts,  ///< Its last attempt was a retry.
    lost,      ///< Its last attempt was lost with its consumer, which held nothing else.
    rejected,
    expired,
};
inline constexpr std::size_t deaths = 4;

/// What becomes of a message whose ttl has passed.
enum class on_expiry : std::uint8_t { drop, dead_letter };

/// What happens when the dead letters are full.
enum class dead_full : std::uint8_t {
    stop,         ///< The queue hands nothing out until there is room (row 20).
    drop_oldest,  ///< The oldest letter goes, counted.
};

[[nodiscard]] std::string_view to_string(durability d) noexcept;
[[nodiscard]] std::string_view to_string(queue_overflow o) noexcept;
[[nodiscard]] std::string_view to_string(outcome o) noexcept;
[[nodiscard]] std::string_view to_string(verdict v) noexcept;
[[nodiscard]] std::string_view to_string(put_refusal r) noexcept;
[[nodiscard]] std::string_view to_string(death d) noexcept;

/// How long a message waits after its n-th failed attempt (T8): min(cap, first * factor^(n-1)), times a
/// random factor between 1 - jitter and 1 + jitter.
struct backoff {
    std::chrono::nanoseconds first = std::chrono::seconds{1};
    double factor = 2;
    std::chrono::nanoseconds cap = std::chrono::minutes{5};
    double jitter = 0.2;
};

/// A 128-bit name: of a queue, a producer or a consumer, drawn at random; or a keyed hash.
struct id128 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend auto operator<=>(const id128&, const id128&) = default;
};

/// Names a message for ever, also when a directory is restored from a backup.
struct message_origin {
    id128 queue = {};
    std::uint64_t salt = 0;  ///< Of the opening that admitted it.
    std::uint64_t seq = 0;   ///< Given when admitted; grows, never used again.
    friend auto operator<=>(const message_origin&, const message_origin&) = default;
};

/// Grows with each delivery of a message, a key, a queue: what a handler passes to another system so that a
/// holder that was declared lost can be told from its successor.
struct delivery_fence {
    std::uint64_t opening = 0;
    std::uint64_t d = 0;
    friend auto operator<=>(const delivery_fence&, const delivery_fence&) = default;
};

/// Attributes of one message.
struct put_options {
    std::string key = {};  ///< Messages of one key are handled one by one, in order.
    std::string id = {};   ///< Stored once per id and dedup window.
    int priority = 4;      ///< 0 to 9, 9 first.
    std::optional<std::chrono::nanoseconds> ttl =
        {};  ///< From when it is ready. The queue's own ttl caps it.
    std::optional<std::chrono::nanoseconds> delay = {};  ///< Not handed out before. At most `max_delay`.
    std::optional<std::chrono::system_clock::time_point> at = {};  ///< The same, absolute. Not with `delay`.
    std::map<std::string, std::string> headers = {};
    int hops = 0;  ///< How many queues it has gone through before; at most `max_hops`, so that cycles end.
};

struct put_result {
    verdict what = verdict::refused;
    put_refusal why = put_refusal::none;
    std::uint64_t seq = 0;  ///< Of a stored message; 0 also where a reconnect has hidden it.
};

/// What a producer or consumer knows of its queue. All false while there is no session.
struct session_state {
    bool up = false;
    bool standby = false;  ///< An exclusive queue feeds another consumer.
    bool takes_paused = false;
    bool puts_paused = false;
    bool draining = false;  ///< It is about to close.
};

}  // namespace leat

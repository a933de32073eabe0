#pragma once

#include <leat/deadline.hpp>
#include <leat/message.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace leat::detail {

/// A request that was taken and not answered. Used again for others, with another generation.
struct taken_request {
    using time = deadline::clock::time_point;

    bool open = false;
    bool plain = false;      // of a peer without leat's header
    bool cancelled = false;  // by its caller
    bool waits = false;      // no worker has taken it
    bool in_batch = false;   // it came in one, so its answer may go in one
    std::uint32_t generation = 0;
    message peer;                 // the ROUTER's routing id
    std::vector<message> relays;  // what relays have put between that and the header
    std::uint32_t session = 0;
    std::uint64_t call = 0;
    time until;                              // the caller's deadline
    std::chrono::milliseconds heartbeat{0};  // 0: no signs of life wanted
    time told;                               // the last sign of life
    message body;
    std::string method;
    std::unique_ptr<std::stop_source> stop;  // made on demand
    std::uint32_t next_in_bucket = 0;
    std::uint32_t next_waiting = 0, previous_waiting = 0;  // after and before it, in the order of coming
};

/// The open requests of a replier, at most `most`, found by their place or by the caller's id; and which of
/// them wait for a worker.
class request_table {
public:
    using index = std::uint32_t;
    static constexpr index none = 0xffff'ffff;

    explicit request_table(std::size_t most);

    [[nodiscard]] bool full() const noexcept { return open_ == most_; }
    [[nodiscard]] std::size_t open_count() const noexcept { return open_; }
    [[nodiscard]] index slots() const noexcept { return static_cast<index>(all_.size()); }
    [[nodiscard]] taken_request& operator[](index which) noexcept { return all_[which]; }

    /// A new entry for that call; only while not full.
    [[nodiscard]] index open(std::uint32_t session, std::uint64_t call);
    void close(index which);

    /// It waits, behind all others that do.
    void wait(index which) noexcept;
    void end_wait(index which) noexcept;
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
    [[nodiscard]] index first_waiting() const noexcept { return first_; }  ///< Or `none`.

    /// The entry of that call and peer, or `none`.
    [[nodiscard]] index find(std::uint32_t session, std::uint64_t call, const message& peer) noexcept;

    /// A name for the entry that no later user of its place shares.
    [[nodiscard]] std::uint64_t ticket(index which) const noexcept {
        return std::uint64_t{all_[which].generation} << 32 | which;
    }
    /// The entry of the ticket, or nothing once it is closed.
    [[nodiscard]] taken_request* of(std::uint64_t ticket) noexcept;

private:
    [[nodiscard]] index& bucket(std::uint32_t session, std::uint64_t call) noexcept;

    const std::size_t most_;
    std::size_t open_ = 0;
    std::deque<taken_request> all_;
    std::vector<index> free_;
    std::vector<index> buckets_;
    std::size_t waiting_ = 0;
    index first_ = none, last_ = none;  // of those that wait
};

}  // namespace leat::detail

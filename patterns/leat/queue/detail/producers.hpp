#pragma once

#include <leat/queue/detail/ring.hpp>
#include <leat/queue/detail/sink.hpp>
#include <leat/queue/detail/slab.hpp>
#include <leat/queue/detail/store.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

namespace leat::detail::queueing {

/// Puts of a producer whose verdict has not left yet, contiguous and alike.
struct undecided {
    std::uint64_t first = 0, last = 0;
    verdict what = verdict::stored;
    put_refusal why = put_refusal::none;
    std::uint64_t commit = 0;  ///< The commit that decides; 0: decided, but others come first.
    std::uint64_t seq = 0;
};

/// One producer (U1): numbers its puts from 1 without gaps; outlives its sessions.
struct producer {
    id128 id = {};
    bool connected = false;
    bool in_order = false;
    bool refused_before = false;  ///< In order, and a put was refused: so are all that follow (section 10).
    bool touched = false;         ///< Its row is in the next commit.
    std::uint64_t received = 0;   ///< The last number that was taken in.
    std::uint64_t floor = 1;      ///< Numbers below have a verdict that the producer knows.
    std::uint64_t parked = 0;     ///< Puts of it that wait for room.
    ticks contact = 0;
    ring<undecided> open = {};
    std::vector<refused_range> refused = {};  ///< Decided, not below the floor, ascending.
    std::list<std::uint32_t>::iterator idle = {};

    [[nodiscard]] std::uint64_t decided() const noexcept {
        return open.empty() ? received : open.front().first - 1;
    }
    void raise_floor(std::uint64_t to);

    /// Says what becomes of the next number.
    void add(verdict what, put_refusal why, std::uint64_t commit, std::uint64_t seq);

    static constexpr std::size_t most_refused = 65'536;
};

/// To ranges that are ascending, behind all of them.
void add_refused(std::vector<refused_range>& to, std::uint64_t first, std::uint64_t last, put_refusal why);

/// All producers that are connected, or that may come back (U3).
class producers {
public:
    [[nodiscard]] producer& operator[](std::uint32_t i) noexcept { return all_[i]; }
    [[nodiscard]] std::uint32_t find(const id128& id) const noexcept;
    std::uint32_t add(const id128& id);
    void forget(std::uint32_t i);

    void connect(std::uint32_t i);
    void disconnect(std::uint32_t i, ticks now);

    /// Disconnected ones, the one heard longest ago first.
    [[nodiscard]] const std::list<std::uint32_t>& idle() const noexcept { return idle_; }
    [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }
    [[nodiscard]] std::size_t connected() const noexcept { return by_id_.size() - idle_.size(); }

private:
    struct hash {
        std::size_t operator()(const id128& id) const noexcept {
            return static_cast<std::size_t>(id.low ^ id.high);
        }
    };

    slab<producer> all_;
    std::unordered_map<id128, std::uint32_t, hash> by_id_;
    std::list<std::uint32_t> idle_;
};

}  // namespace leat::detail::queueing

#pragma once

#include <leat/queue/detail/record.hpp>
#include <leat/queue/detail/ring.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace leat::detail::queueing {

/// The ids of what was stored lately (U5): a window by time and count from the first stored put, which no
/// repeat extends and no fate of the message shortens. About 40 bytes an id.
///
/// An id whose put is in an unfinished commit is pending: a repeat waits for that commit and shares its fate.
class id_window {
public:
    id_window(ticks span, std::uint64_t most) : span_(span), most_(most) {}

    [[nodiscard]] bool stored(const id128& id, ticks now);
    void add(const id128& id, ticks now);

    /// The commit that a pending id waits for, 0 when it is not pending.
    [[nodiscard]] std::uint64_t pending(const id128& id) const {
        const auto found = pending_.find(id);
        return found == pending_.end() ? 0 : found->second;
    }
    void add_pending(const id128& id, std::uint64_t commit) { pending_[id] = commit; }

    /// The commit of a pending id has returned.
    void resolve(const id128& id, bool good, ticks now) {
        if (pending_.erase(id) > 0 && good) add(id, now);
    }

    /// Forgets what is older than the window, at most `budget` of it.
    void expire(ticks now, std::uint32_t budget);

    [[nodiscard]] std::uint64_t size() const noexcept { return window_.size(); }
    [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }  ///< Before their time.
    void set_evicted(std::uint64_t n) noexcept { evicted_ = n; }
    [[nodiscard]] ticks covered(ticks now) const noexcept {
        return window_.empty() ? 0 : now - window_.front().at;
    }

private:
    struct stored_id {
        id128 id = {};
        ticks at = 0;
    };
    struct hash {
        std::size_t operator()(const id128& id) const noexcept { return static_cast<std::size_t>(id.low); }
    };

    void forget_oldest();
    void grow();
    [[nodiscard]] std::uint64_t slot_of(const id128& id) const noexcept;

    ticks span_;
    std::uint64_t most_;
    std::uint64_t evicted_ = 0;
    std::uint32_t popped_ = 0;  ///< How many left the window ever; table_ holds positions counted from there.
    ring<stored_id> window_;    ///< In order of time.
    std::vector<std::uint32_t> table_;  ///< Open addressing; position in the window plus `popped_`.
    std::unordered_map<id128, std::uint64_t, hash> pending_;
};

}  // namespace leat::detail::queueing

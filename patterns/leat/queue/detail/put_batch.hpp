#pragma once

#include <leat/buffer.hpp>
#include <leat/deadline.hpp>
#include <leat/message.hpp>
#include <leat/queue/detail/producer_core.hpp>
#include <leat/queue/detail/wire.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace leat::detail {

/// A put that goes into another batch: its queue will have it later (W4).
struct again_put {
    std::vector<std::byte> body, head;
    put_waiter waiter;
    std::optional<put_mark> mark = {};
    bool ttl = false;
    deadline::clock::time_point put_at{};
};

/// Messages of one PUT.
struct put_batch {
    std::uint64_t first = 0;
    buffer open;   ///< The bodies, while it is being filled,
    message body;  ///< and then.
    wire::put frame;
    struct special {
        std::uint32_t index;
        std::size_t begin, size;  ///< In `heads`.
        deadline::clock::time_point put_at;
        bool ttl;
    };
    std::vector<special> specials;
    buffer heads;
    std::vector<std::pair<std::uint32_t, put_waiter>> waiters;  ///< Ascending.
    std::vector<std::pair<std::uint32_t, put_mark>> marks;      ///< Ascending.

    [[nodiscard]] std::size_t messages() const noexcept { return frame.sizes.size(); }
    [[nodiscard]] std::uint64_t last() const noexcept { return first + messages() - 1; }

    /// Of bodies and attributes.
    [[nodiscard]] std::size_t bytes() const noexcept { return open.size() + body.size() + heads.size(); }

    /// Bytes of the largest message, with its attributes.
    [[nodiscard]] std::size_t largest() const noexcept;

    /// What its two frames take at the most.
    [[nodiscard]] std::size_t most_sent() const noexcept {
        return 64 + bytes() + 5 * messages() + 24 * specials.size() + 56 * marks.size();
    }

    /// Appends a message.
    void add(again_put&& one);

    /// Ends the filling. A block that is mostly empty is copied, so that what waits takes its own size.
    void seal();

    /// Fills the frame's fields but its head.
    void make_frame(std::uint64_t floor);

    void make_marks();

    /// Gives up the messages from `from` to `to`, as what is to be put again, in order.
    [[nodiscard]] std::vector<again_put> take(std::uint32_t from, std::uint32_t to);

    void clear();
};

}  // namespace leat::detail

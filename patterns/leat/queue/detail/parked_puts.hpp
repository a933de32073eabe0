#pragma once

#include <leat/queue/detail/put.hpp>
#include <leat/queue/detail/slab.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace leat::detail::queueing {

/// Puts that wait for room (row 2), in the order in which they came, with copies of all they need.
///
/// They lie packed in a block for each PUT: a plain one takes its body and one to four bytes, another its
/// body, its attributes, key, id and mark once more, and at most 34 bytes. A block costs 80 bytes, and a PUT
/// alone has more than 20 on the wire, so this is never more than four times what the credit of the producers
/// counts (L6).
class parked_puts {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == none; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    /// Its times must be points of queue time: `ttl` is its end, and `delay` is empty. With a fault, only
    /// that, the id and the mark are kept. `close` says that the last one of a PUT has been added.
    void add(std::uint32_t producer, const put_item& item);
    void close();

    /// The first one; its views last until it is popped.
    [[nodiscard]] put_item front();
    [[nodiscard]] std::uint32_t front_producer() const noexcept { return blocks_[first_].producer; }
    void pop();

    /// Forgets those of a producer.
    void forget(std::uint32_t producer);

    [[nodiscard]] std::size_t memory() const noexcept;

private:
    struct block {
        std::uint32_t producer = none;
        std::uint32_t previous = none, next = none;  ///< In the order of arrival.
        std::uint32_t next_of_producer = none;
        std::uint32_t count = 0;
        std::uint32_t at = 0;  ///< Where the first one begins that is still here.
        std::vector<std::byte> bytes = {};
    };
    struct ends {
        std::uint32_t first = none, last = none;
    };

    block& make(std::uint32_t producer);
    void drop(std::uint32_t b);

    slab<block> blocks_;
    std::vector<ends> of_;  ///< By producer.
    std::uint32_t first_ = none, last_ = none;
    std::uint64_t size_ = 0;
    std::size_t bytes_ = 0;
    custody_mark front_mark_;
    bool open_ = false;  ///< The last block takes more of the same PUT.
};

}  // namespace leat::detail::queueing

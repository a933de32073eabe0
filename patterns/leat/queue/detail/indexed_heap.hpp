#pragma once

#include <leat/queue/detail/slab.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace leat::detail::queueing {

/// A heap of (key, item) with the smallest key on top, from which any item can be taken: `Slots{}(item)` is a
/// reference to where the item keeps its position, `none` while it is in no heap. Four children a node, so
/// that a level is one or two cache lines.
template <class Key, class Slots>
class indexed_heap {
public:
    struct node {
        Key key;
        std::uint32_t item;
    };

    indexed_heap() = default;
    explicit indexed_heap(Slots slots) : slots_(std::move(slots)) {}

    [[nodiscard]] bool empty() const noexcept { return nodes_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    [[nodiscard]] const node& top() const noexcept { return nodes_.front(); }
    [[nodiscard]] const std::vector<node>& nodes() const noexcept { return nodes_; }
    [[nodiscard]] std::size_t memory() const noexcept { return nodes_.capacity() * sizeof(node); }
    [[nodiscard]] bool has(std::uint32_t item) const noexcept {
        const auto at = slots_(item);
        return at < nodes_.size() && nodes_[at].item == item;
    }

    void push(const Key& key, std::uint32_t item) {
        nodes_.push_back({key, item});
        rise(nodes_.size() - 1);
    }

    void erase(std::uint32_t item) {
        const std::size_t at = std::exchange(slots_(item), none);
        const auto last = nodes_.back();
        nodes_.pop_back();
        if (at == nodes_.size()) return;
        nodes_[at] = last;
        settle(at);
    }

    void change(const Key& key, std::uint32_t item) {
        const std::size_t at = slots_(item);
        nodes_[at].key = key;
        settle(at);
    }

    void pop() { erase(nodes_.front().item); }

    /// The best item but the top one, `none` when there is no other.
    [[nodiscard]] std::uint32_t second() const {
        std::size_t best = 1;
        for (std::size_t i = 2; i < std::min<std::size_t>(nodes_.size(), 5); ++i) {
            if (nodes_[i].key < nodes_[best].key) best = i;
        }
        return best < nodes_.size() ? nodes_[best].item : none;
    }

private:
    void put(std::size_t at, const node& n) {
        nodes_[at] = n;
        slots_(n.item) = static_cast<std::uint32_t>(at);
    }

    void settle(std::size_t at) {
        if (at > 0 && nodes_[at].key < nodes_[(at - 1) / 4].key) {
            rise(at);
        } else {
            sink(at);
        }
    }

    void rise(std::size_t at) {
        const auto moving = nodes_[at];
        while (at > 0 && moving.key < nodes_[(at - 1) / 4].key) {
            put(at, nodes_[(at - 1) / 4]);
            at = (at - 1) / 4;
        }
        put(at, moving);
    }

    void sink(std::size_t at) {
        const auto moving = nodes_[at];
        for (;;) {
            const auto first = at * 4 + 1;
            if (first >= nodes_.size()) break;
            auto least = first;
            for (auto i = first + 1; i < std::min(first + 4, nodes_.size()); ++i) {
                if (nodes_[i].key < nodes_[least].key) least = i;
            }
            if (!(nodes_[least].key < moving.key)) break;
            put(at, nodes_[least]);
            at = least;
        }
        put(at, moving);
    }

    std::vector<node> nodes_;
    Slots slots_{};
};

}  // namespace leat::detail::queueing

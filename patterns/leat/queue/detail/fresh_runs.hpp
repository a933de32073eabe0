#pragma once

#include <leat/queue/detail/record.hpp>
#include <leat/queue/detail/ring.hpp>

#include <array>
#include <cstdint>

namespace leat::detail::queueing {

/// The plain fresh messages: per priority, ranges of records in order of place (O1). Sixteen bytes a record
/// and priority; the messages themselves cost nothing here.
class fresh_runs {
public:
    /// Adds the plain messages among [begin, end) of `rec`, which come after all that are here.
    void add(record* rec, std::uint32_t begin, std::uint32_t end);

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// One bit for each priority that has any.
    [[nodiscard]] unsigned mask() const noexcept { return mask_; }
    [[nodiscard]] std::uint64_t size(std::uint8_t priority) const noexcept { return sizes_[priority]; }

    /// The first of a priority that has one.
    [[nodiscard]] spot front(std::uint8_t priority) const noexcept {
        const auto& first = runs_[priority].front();
        return {first.rec, first.next};
    }
    [[nodiscard]] place front_place(std::uint8_t priority) const noexcept {
        const auto at = front(priority);
        return at.rec->place_of(at.i);
    }

    /// Takes the first of a priority out; its tag becomes `tag_special`.
    spot pop(std::uint8_t priority);

    /// Calls `visit(spot)` for the first `most` of a priority, in order.
    template <class Visit>
    void peek(std::uint8_t priority, std::uint64_t most, Visit visit) const {
        for (std::uint32_t r = 0; r < runs_[priority].size() && most > 0; ++r) {
            const auto& one = runs_[priority][r];
            for (auto i = one.next; i < one.end && most > 0; ++i) {
                if (one.rec->tag_of(i) != priority) continue;
                visit(spot{one.rec, i});
                --most;
            }
        }
    }

    [[nodiscard]] std::size_t memory() const noexcept;

private:
    struct run {
        record* rec = nullptr;
        std::uint32_t next = 0, end = 0;
    };

    std::array<ring<run>, priorities> runs_;
    std::array<std::uint64_t, priorities> sizes_{};
    std::uint64_t size_ = 0;
    unsigned mask_ = 0;
};

}  // namespace leat::detail::queueing

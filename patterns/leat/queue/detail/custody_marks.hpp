#pragma once

#include <leat/queue/detail/custody.hpp>
#include <leat/queue/detail/slab.hpp>
#include <leat/queue/detail/store.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leat::detail::queueing {

/// Numbers as ranges. Cheap to add to at the end.
class number_set {
public:
    using ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  ///< Both inclusive, ascending.

    [[nodiscard]] bool contains(std::uint64_t n) const noexcept;
    void add(std::uint64_t n) { add(n, n); }
    void add(std::uint64_t first, std::uint64_t last);
    void add(const number_set& others);
    void drop_below(std::uint64_t n);
    void clear() noexcept { ranges_.clear(); }
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }
    [[nodiscard]] const ranges& all() const noexcept { return ranges_; }

private:
    ranges ranges_;
};

/// What transfers and stages have put (U6): by source, the messages that became one here. There is no window
/// of time. What lies below the source's floor, its oldest live message, is marked; so it is the floor that
/// lets marks be forgotten.
///
/// A mark whose put is in an unfinished commit is pending: a repeat waits for that commit and shares its
/// fate.
class custody_marks {
public:
    static constexpr std::size_t most_sources = 65'536;
    static constexpr std::size_t most_ranges = 65'536;  ///< Of a source.

    enum class found : std::uint8_t {
        unknown,
        stored,
        flying,    ///< In the commit under way,
        gathered,  ///< in the next one.
        full,      ///< There is no room for its mark.
    };

    /// Takes note of the source's floor, and looks the mark up.
    [[nodiscard]] found look(const custody_mark& one, ticks now);

    /// The message is gathered for a commit or, `at_once`, taken. `look` has found none.
    void add(const custody_mark& one, ticks now, bool at_once);

    /// What is gathered flies. Appends the rows of all sources that have changed, as that commit leaves them,
    /// unless there is nobody to write them.
    void begin_commit(std::vector<mark_row>& to, bool writes);
    void end_commit(bool good);

    void adopt(mark_row&& row, ticks now);

    /// Forgets sources that have no marks above their floor and were not heard of for a day.
    void expire(ticks now, std::vector<mark_row>& forgotten);

    [[nodiscard]] std::size_t sources() const noexcept { return by_source_.size(); }

private:
    struct marked {
        custody_source of = {};
        std::uint64_t floor = 0;
        ticks contact = 0;
        bool touched = false;  ///< Its row is in the next commit,
        bool flies = false;    ///< and in the one under way.
        number_set stored = {}, gathered = {}, flying = {};
    };
    struct hash {
        std::size_t operator()(const custody_source& s) const noexcept {
            return static_cast<std::size_t>(s.stage.low ^ s.queue.low ^ s.salt);
        }
    };

    void touch(std::uint32_t i);

    slab<marked> all_;
    std::unordered_map<custody_source, std::uint32_t, hash> by_source_;
    std::vector<std::uint32_t> touched_, flying_;
    ticks expires_ = 0;
};

}  // namespace leat::detail::queueing

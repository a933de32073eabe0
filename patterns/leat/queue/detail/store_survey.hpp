#pragma once

#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/store_layout.hpp>
#include <leat/queue/store_contents.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace leat::detail::queueing {

/// Goes through the tables of one queue, and says which rows are damaged or do not fit the others. It goes on
/// behind what is damaged.
class store_survey {
public:
    /// 0: a queue, 1: its dead letters.
    store_survey(lmdb::transaction& in, int which, bool bodies, std::vector<std::string>& damages);

    void run();

    stored_messages found;
    bool takes_paused = false, puts_paused = false;
    std::uint64_t producers = 0, ids = 0;

private:
    using visitor = std::function<void(std::span<const std::byte> key, std::span<const std::byte> value)>;

    void damage(const std::string& what);
    void each(const char* table, unsigned flags, const visitor& visit);
    void look_at_state();
    void look_at_out();
    void look_at_record(std::uint64_t number, std::span<const std::byte> value);
    void must_be_live(const char* table, std::uint64_t seq);
    [[nodiscard]] bool live(std::uint64_t seq) const;
    [[nodiscard]] bool ended(std::uint64_t record, std::uint64_t i) const;

    lmdb::transaction& in_;
    const std::string prefix_;
    const bool bodies_, dead_;
    std::vector<std::string>& damages_;
    std::uint64_t next_seq_ = 1, letters_ = 0;
    std::map<std::uint64_t, octets> gone_;  ///< By record.
    struct extent {
        std::uint64_t number = 0;
        std::uint32_t count = 0;
    };
    std::map<std::uint64_t, extent> records_;        ///< By first seq.
    std::map<std::uint64_t, std::uint32_t> counts_;  ///< By number.
};

}  // namespace leat::detail::queueing

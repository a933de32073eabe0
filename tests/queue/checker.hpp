#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace proof {

/// What a check of records has found.
struct findings {
    std::vector<std::string> faults;
    std::uint64_t puts = 0, confirmed = 0, deliveries = 0, repeats = 0, losses = 0, acked = 0, late_acks = 0,
                  dead = 0, refused = 0;
    std::uint64_t resumed =
        0;                   ///< Sessions that named what they held; over crashes, of producers known before.
    std::uint64_t safe = 0;  ///< Outcomes that the queue has told to be committed; counted over crashes only.
    [[nodiscard]] std::string summary() const;
};

/// Checks the records in `directory`: the queue's (`queue`), those of producers (`producer...`) and those of
/// consumers (`consumer...`).
///
/// What a producer's record has: `put BODY` before each put, then `stored|duplicate|refused BODY`. A
/// consumer's: `got D SEQ BODY` for each delivery that user code has taken, and `say D OUTCOME BODY` before
/// each outcome.
///
/// It holds that
/// - what any producer was told is stored was acked by user code, or is a dead letter by the rules;
/// - what was acked, or was rejected, is never delivered again, and nothing is stored twice;
/// - the messages of a key are delivered one by one, in the order of their puts;
/// - no message is delivered while an earlier delivery of it has a live lease;
/// - the queue honours outcomes, and late acks, as the rules say (rows 10 to 16);
/// - consumers are shown what the queue has sent them, once, and no outcome is sent that user code has not
/// given.
[[nodiscard]] findings check(const std::filesystem::path& directory);

}  // namespace proof

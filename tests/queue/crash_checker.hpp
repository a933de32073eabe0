#pragma once

#include "checker.hpp"

#include <filesystem>

namespace proof {

/// Checks the records in `directory` of a queue on disk that was killed and opened again, any number of
/// times, and has drained at the end. The queue's own record goes on over the openings; what a kill has
/// undone is not in it, but what the queue had told to be safe is.
///
/// It holds that
/// - what any producer was told is stored was acked or rejected by user code, or is a dead letter (I2);
/// - nothing is stored twice, puts of a producer have their places in the order of the puts, each put has at
/// most one verdict, and what was refused is never delivered (I13, I14, case 20);
/// - what the queue has told to be acked, or rejected, for good is never delivered again; other acks may be
/// undone by a kill (I15);
/// - retries told to be safe are charged for ever, and no more attempts than there were deliveries;
/// - no message of a key is delivered while an earlier one of it has not ended (I6, I7);
/// - the counts add up over all openings: each message that was admitted was seen, and ended once (I1).
[[nodiscard]] findings check_crashes(const std::filesystem::path& directory);

}  // namespace proof

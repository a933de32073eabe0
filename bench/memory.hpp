#pragma once

namespace bench {

/// Prints the peak memory of a pusher without a peer beside its bound, and that of a relay with a receiver
/// that is slower than its sender after one and after four times as many messages. Returns false when a bound
/// was passed.
bool memory_report();

}  // namespace bench

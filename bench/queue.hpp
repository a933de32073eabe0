#pragma once

namespace bench {

/// Messages a second through a queue in memory between three processes over TCP, with confirms and acks, and
/// the time from put to delivery at 5,000 a second. Printed; there is no yardstick to be compared with yet.
void queue_report(int runs);

}  // namespace bench

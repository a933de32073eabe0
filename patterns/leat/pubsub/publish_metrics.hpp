#pragma once

#include <leat/metrics.hpp>

namespace leat {

/// What a publisher has counted beside its socket's counts. Readable from any thread.
struct publish_metrics {
    counter probes;         ///< Subscribers that asked whether it is there, and were answered.
    counter snapshots;      ///< Asks for last values that were answered in full.
    counter snapshots_cut;  ///< Answers given up for want of room under `overflow::block`; the subscriber
                            ///< asks again.
    counter asks_refused;   ///< Asks for last values beyond what may wait; the subscriber asks again.
    counter unnumbered;     ///< Messages of topics beyond `publish_options::max_topics`.
};

}  // namespace leat

#pragma once

#include <leat/metrics.hpp>

namespace leat {

/// What a publisher has counted beside its socket's counts. Readable from any thread.
struct publish_metrics {
    counter probes;         ///< Subscribers that asked whether it is there, and were answered.
    counter snapshots;      ///< Asks for last values, or a further part of them, that were answered.
    counter snapshots_cut;  ///< Answers given up for want of room under `overflow::block`.
    counter refused;        ///< Asks and probes beyond what may wait. Like what was cut, they come again.
    counter unnumbered;     ///< Messages of topics beyond `publish_options::max_topics`.
};

}  // namespace leat

#pragma once

#include "record_file.hpp"

namespace proof {

/// From now on all that goes in and out of this process's one ROUTER is written to `to`, one line for what
/// each frame means to a session that is in force (replay.hpp has the list of lines), in the order in which
/// the queue works.
void tap_into(const record_file& to);

}  // namespace proof

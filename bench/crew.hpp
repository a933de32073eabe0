#pragma once

#include "contender.hpp"

#include <cstddef>
#include <vector>

namespace bench {

/// What is asked of producers and consumers that run in processes of their own.
struct work {
    traffic what = {};
    std::size_t count = 0;      ///< Messages, of all producers together.
    std::size_t producers = 1;  ///< 0: none.
    std::size_t consumers = 1;  ///< 0: none, and the messages stay.
    double rate = 0;            ///< Puts a second, if not as fast as it goes.
};

struct work_done {
    std::size_t messages = 0;
    double seconds = 0;  ///< From the first put, or else the begin, until all confirms and acks are there.
    std::vector<double> delays_us = {};  ///< Put to delivery, in ascending order; with a rate only.
};

/// Does it with that server.
/// @throws std::runtime_error when a process fails, or nothing moves for 60 s
[[nodiscard]] work_done do_work(running_server& with, const work& job);

}  // namespace bench

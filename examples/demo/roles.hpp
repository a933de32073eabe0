#pragma once

#include "counts.hpp"

#include <leat/codec.hpp>
#include <leat/endpoint.hpp>

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

// The processes of the demo and what they say to each other:
//
//   shipper ─┐                        ┌─► worker ─┐
//   shipper ─┼─ line ─► forwarder ────┤           ├─ report ─► reporter
//   shipper ─┘                        └─► worker ─┘
//
// Each ends when its work does: a shipper at the end of its files, the forwarder when it is told that the
// shippers have ended and all of their connections are closed, a worker when the forwarder has closed its
// own.

namespace demo {

/// A line on its way. Its bytes are as in the file, whatever they are.
struct line {
    std::uint32_t file = 0;
    std::string_view text = {};

    MSGPACK_DEFINE(file, text)
};

/// What a shipper or worker tells the reporter.
struct report {
    enum class news : std::uint8_t {
        ready,    ///< The worker is connected.
        counted,  ///< The worker counted these lines since its last report.
        held,     ///< The same, and it now holds a line that it has not counted.
        shipped,  ///< The shipper has sent these lines, and there are no more.
    };

    news what = news::ready;
    std::uint32_t process = 0;
    counts part = {};

    MSGPACK_DEFINE(what, process, part)
};

/// How long anything that works may take.
inline constexpr std::chrono::seconds patience{30};

/// Sends the lines of `files`.
int ship(std::uint32_t self, const leat::endpoint& lines, const leat::endpoint& reports,
         const std::vector<log_file>& files, std::stop_token stop);

/// Binds two ports, writes them to standard output in one line, and joins them.
int forward(std::stop_token stop);

/// Counts lines until there are no more. With `hold`, stops with one line in hand once it has counted some.
int work(std::uint32_t self, const leat::endpoint& lines, const leat::endpoint& reports, bool hold,
         std::stop_token stop);

/// Starts all others, shows what they do, and checks the result: the exit status.
int report_on(const std::vector<log_file>& files, bool kill_worker, std::stop_token stop);

}  // namespace demo

MSGPACK_ADD_ENUM(demo::report::news)

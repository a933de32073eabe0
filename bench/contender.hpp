#pragma once

#include "program.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// What goes through a queue in one run.
struct traffic {
    std::size_t size = 100;     ///< Bytes of a body.
    std::size_t window = 1000;  ///< Puts without a confirm, at the most.
    bool one_a_frame = false;   ///< leat: frames of one message. The others have no frames of many.
    bool at_once = false;       ///< Each put leaves at once, and is not held back to fill a buffer.
};

/// Deliveries without an ack that a consumer has, at the most.
constexpr std::size_t most_unacked = 1000;

/// A producer that is connected. Used by one thread of one process. Throws std::runtime_error when a put is
/// refused.
class putter {
public:
    virtual ~putter() = default;
    /// Returns when the put is on its way; waits while the window is full.
    virtual void put(std::string_view body) = 0;
    /// Returns when all puts have their confirm.
    virtual void flush() = 0;
};

/// A consumer that is connected. Used by one thread of one process.
class taker {
public:
    using look = std::function<void(std::string_view)>;

    virtual ~taker() = default;
    /// Waits up to 50 ms for a delivery; looks at those that are there, and acks them. Returns how many.
    virtual std::size_t take(const look& each) = 0;
    /// Returns when the server has all acks.
    virtual void finish() = 0;
};

/// A server that runs, with an empty queue. Ends with this object.
class running_server {
public:
    virtual ~running_server() = default;
    [[nodiscard]] virtual std::unique_ptr<putter> producer(const traffic& what) = 0;
    [[nodiscard]] virtual std::unique_ptr<taker> consumer() = 0;
    [[nodiscard]] virtual std::vector<pid_t> processes() const = 0;
};

/// A system that is measured.
struct contender {
    std::string name;
    double usual = 0;  ///< Messages of 100 B a second, about: it gets as many as fit a run.
    /// Starts it with its files in that directory.
    std::function<std::unique_ptr<running_server>(const std::string& directory)> start;
};

/// A contender that cannot be measured here, and why.
struct absentee {
    std::string name, why;
};

}  // namespace bench

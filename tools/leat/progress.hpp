#pragma once

#include "console.hpp"

#include <leat/loop.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace leat::command {

/// How far some work has come.
struct progress_sample {
    std::uint64_t messages = 0;
    double done = -1;  ///< The part of all that is done, 0 to 1; negative when the end is not known.
};

/// "1,234,567 messages, 45,000/s, 1:20 left". `rate` is messages a second.
[[nodiscard]] std::string progress_line(progress_sample now, double rate,
                                        std::chrono::duration<double> elapsed);

/// Shows how work comes along on the console, once it lasts longer than a second. Does nothing when that is
/// no terminal.
class progress {
public:
    using source = std::function<progress_sample()>;

    /// `take` is called on the loop's thread, never after the destructor.
    progress(console& err, loop& events, source take);
    ~progress();
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

private:
    struct shared;
    std::shared_ptr<shared> state_;
};

}  // namespace leat::command

#pragma once

#include "processes.hpp"

namespace bench {

/// Times what comes after the first message, so that connecting does not count.
class stopwatch {
public:
    void start() {
        began_ = now_seconds();
        cpu_ = cpu_seconds();
    }
    [[nodiscard]] reading stop(std::size_t messages) const {
        const auto n = static_cast<double>(messages);
        return {n / (now_seconds() - began_), (cpu_seconds() - cpu_) / n * 1e9, peak_mib()};
    }

private:
    double began_ = 0, cpu_ = 0;
};

}  // namespace bench

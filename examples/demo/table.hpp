#pragma once

#include "counts.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace demo {

/// What the reporter knows.
struct picture {
    counts shipped = {};
    counts counted = {};
    std::vector<counts> workers = {};
};

/// The picture on standard output: on a terminal again and again in place, otherwise once at the end.
class table {
public:
    table();

    void show(const picture& now);
    void finish(const picture& now);

private:
    void print(const picture& now);

    using clock = std::chrono::steady_clock;

    const bool live_;
    const clock::time_point start_ = clock::now();
    clock::time_point next_ = start_;
    std::size_t printed_ = 0;  // lines, to go over again
};

/// "1,234,567"
[[nodiscard]] std::string with_commas(std::uint64_t number);

}  // namespace demo

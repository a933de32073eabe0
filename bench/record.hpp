#pragma once

#include <msgpack.hpp>

#include <cstdint>
#include <string>

namespace bench {

/// The benchmarks' message: 39 bytes as msgpack on average.
struct record {
    std::uint64_t number = 0;
    std::int64_t offset = 0;
    double value = 0;
    std::string name;
    MSGPACK_DEFINE(number, offset, value, name)
};

inline record sample_record() {
    return {0, -1'234'567'890'123, 3.25, "sixteen bytes ab"};
}

/// 0 + 1 + ... + count - 1
inline std::uint64_t sum_of_numbers(std::uint64_t count) {
    return count * (count - 1) / 2;
}

}  // namespace bench

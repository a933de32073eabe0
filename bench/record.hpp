#pragma once

#include <msgpack.hpp>

#include <cstdint>
#include <string>

namespace bench {

/// What the benchmarks' messages carry, each in its own form.
template <class Name>
struct record_fields {
    std::uint64_t id = 0;
    std::int64_t delta = 0;
    double price = 0;
    Name name;
};

/// 39 bytes as msgpack on average.
struct record : record_fields<std::string> {
    MSGPACK_DEFINE(id, delta, price, name)
};

inline record sample_record() {
    return {{0, -1'234'567'890'123, 3.25, "sixteen bytes ab"}};
}

/// 0 + 1 + ... + count - 1
inline std::uint64_t sum_of_ids(std::uint64_t count) {
    return count * (count - 1) / 2;
}

}  // namespace bench

#pragma once

#include "raw.hpp"
#include "record.hpp"

namespace bench::raw {

/// Sends `count` records, numbered from 0, one a frame, packed by msgpack-cxx.
inline void send_records(socket& out, std::size_t count) {
    msgpack::sbuffer buffer;
    record r = sample_record();
    for (std::size_t i = 0; i < count; ++i) {
        r.id = i;
        buffer.clear();
        msgpack::pack(buffer, r);
        out.send(buffer.data(), buffer.size());
    }
}

}  // namespace bench::raw

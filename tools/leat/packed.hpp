#pragma once

#include <msgpack.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace leat::command {

/// One msgpack object, encoded already.
struct packed {
    std::span<const std::byte> object = {};

    template <class Stream>
    void msgpack_pack(msgpack::packer<Stream>& to) const {
        to.pack_str_body(reinterpret_cast<const char*>(object.data()),
                         static_cast<std::uint32_t>(object.size()));
    }
};

}  // namespace leat::command

#pragma once

#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/store_layout.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace support {

inline std::string content(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// Writes a row of the table `meta`.
inline void set_meta(const std::filesystem::path& directory, std::string_view name,
                     leat::detail::queueing::octets row) {
    namespace lmdb = leat::detail::lmdb;
    const auto key = std::as_bytes(std::span{name});
    leat::detail::queueing::seal_row(key, row);
    const lmdb::environment env{directory, 0, 1 << 30};
    lmdb::transaction in{env};
    in.put(in.open("meta", 0), key, row);
    in.commit();
}

/// Changes the format that a store says it has, and with a `feature` what it needs.
inline void set_format(const std::filesystem::path& directory, std::uint32_t format,
                       std::string_view feature = {}) {
    leat::detail::queueing::octets row;
    const auto add = [&](const void* from, std::size_t n) {
        const auto* first = static_cast<const std::byte*>(from);
        row.insert(row.end(), first, first + n);
    };
    const std::uint32_t features = feature.empty() ? 0 : 1;
    add(&format, sizeof format);
    add(&features, sizeof features);
    if (features > 0) {
        const auto size = static_cast<std::uint32_t>(feature.size());
        add(&size, sizeof size);
        add(feature.data(), feature.size());
    }
    set_meta(directory, "format", std::move(row));
}

}  // namespace support

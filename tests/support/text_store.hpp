#pragma once

#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/page_file.hpp>

#include <doctest/doctest.h>

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace support {

namespace text_store_detail {

inline std::string hex(std::span<const std::byte> bytes) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text = " ";
    for (const auto one : bytes) {
        text += digits[std::to_integer<unsigned>(one) >> 4];
        text += digits[std::to_integer<unsigned>(one) & 15U];
    }
    return text + "\n";
}

inline std::vector<std::byte> unhex(const std::string& line) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 1; i + 1 < line.size(); i += 2) {
        unsigned one = 0;
        REQUIRE_EQ(std::from_chars(line.data() + i, line.data() + i + 2, one, 16).ptr, line.data() + i + 2);
        bytes.push_back(static_cast<std::byte>(one));
    }
    return bytes;
}

}  // namespace text_store_detail

/// All tables of a directory as `mdb_dump -a` writes them.
inline std::string as_text(const std::filesystem::path& directory) {
    namespace lmdb = leat::detail::lmdb;
    lmdb::page_file file{directory / "data.mdb", [](const std::string& what) { FAIL(what); }};
    std::string text;
    for (const auto& name : file.tables()) {
        const auto table = file.find(name);
        text += "VERSION=3\nformat=bytevalue\ndatabase=" + name + "\ntype=btree\n" +
                (table->numbers ? "integerkey=1\n" : "") + "HEADER=END\n";
        file.each(
            *table, [](const std::string& what) { FAIL(what); },
            [&](auto key, auto value) {
                text += text_store_detail::hex(key) + text_store_detail::hex(value);
            });
        text += "DATA=END\n";
    }
    return text;
}

/// Makes a directory of that, as `mdb_load` does.
inline void load_text(const std::filesystem::path& from, const std::filesystem::path& directory) {
    namespace lmdb = leat::detail::lmdb;
    std::ifstream text{from};
    REQUIRE(text);
    std::filesystem::create_directories(directory);
    const lmdb::environment env{directory, 0, 1 << 30};
    lmdb::transaction in{env};
    std::string name, line;
    unsigned flags = 0;
    while (std::getline(text, line)) {
        if (line == "VERSION=3") flags = MDB_CREATE;
        if (line.starts_with("database=")) name = line.substr(9);
        if (line == "integerkey=1") flags |= MDB_INTEGERKEY;
        if (line != "HEADER=END") continue;
        const auto table = in.open(name, flags);
        while (std::getline(text, line) && line != "DATA=END") {
            const auto key = text_store_detail::unhex(line);
            REQUIRE(std::getline(text, line));
            in.put(table, key, text_store_detail::unhex(line));
        }
    }
    in.commit();
}

}  // namespace support

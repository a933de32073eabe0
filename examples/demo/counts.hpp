#pragma once

#include <leat/codec.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

/// What is counted of lines, by the workers in parts and directly as a whole. Line ends do not count as
/// bytes.
struct counts {
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
    std::map<std::string, std::uint64_t> kinds = {};

    void add(std::string_view line);
    void add(const counts& other);

    friend bool operator==(const counts&, const counts&) = default;

    MSGPACK_DEFINE(lines, bytes, kinds)
};

/// What a line is about, in a lower-case word: dpkg's verb, the program of a syslog line, the key of `Key:
/// value`, or the first word. Dates and times are stepped over.
[[nodiscard]] std::string kind_of(std::string_view line);

/// A file as it was when the demo began: what is appended later is not read.
struct log_file {
    std::string path;
    std::uint64_t size = 0;
};

/// Gives each line of the file to `take`, which says whether to go on. The last line may lack its end.
/// @throws std::runtime_error when the file cannot be read, or a line is longer than `longest_line`.
void for_each_line(const log_file& file, const std::function<bool(std::string_view)>& take);

inline constexpr std::size_t longest_line = 15u << 20;

/// The text logs below `directory` that can be read: *.log and the classic names without an ending, sorted.
[[nodiscard]] std::vector<log_file> logs_below(const std::string& directory);

/// @throws std::runtime_error when it is not a regular file that can be read.
[[nodiscard]] log_file open_log(const std::string& path);

}  // namespace demo

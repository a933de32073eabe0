#pragma once

#include <leat/stop.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace leat::command {

/// Reads records that end with a delimiter from a file descriptor, in large reads.
///
/// Any bytes are allowed. The last record may lack its delimiter. Does not own the descriptor. For one
/// thread.
class line_reader {
public:
    enum class outcome {
        line,
        end,      ///< There is no more.
        stopped,  ///< The next record would have to be waited for, and a stop is requested.
    };

    /// `source` is for errors: "standard input". A record of more than `longest` bytes is an error.
    line_reader(int fd, std::string source, char delimiter, std::size_t longest);

    /// Sets `line` to the next record without its delimiter, valid until the next call. Waits for input until
    /// `stop`.
    /// @throws failure when the record is too long or the descriptor cannot be read.
    [[nodiscard]] outcome next(std::string_view& line, const stop_event& stop);

    /// The number of the record that `next` gave last, from 1.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

    /// Bytes of the records given so far, with their delimiters.
    [[nodiscard]] std::uint64_t consumed() const noexcept { return consumed_; }

    /// Records that were read and not given, a last one that has only begun included.
    [[nodiscard]] std::uint64_t unread() const;

private:
    bool fill(const stop_event& stop);

    const int fd_;
    const std::string source_;
    const char delimiter_;
    const std::size_t longest_;
    std::vector<char> block_;
    std::size_t begin_ = 0;    // of what was read and not given
    std::size_t scanned_ = 0;  // no delimiter in [begin_, scanned_)
    std::size_t end_ = 0;
    bool at_end_ = false;
    std::uint64_t number_ = 0;
    std::uint64_t consumed_ = 0;
};

}  // namespace leat::command

#include "line_reader.hpp"

#include "exit_code.hpp"
#include "parse.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace leat::command {
namespace {

constexpr std::size_t first_block = 256u << 10;
constexpr std::size_t least_read = 64u << 10;

}  // namespace

line_reader::line_reader(int fd, std::string source, char delimiter, std::size_t longest)
    : fd_(fd), source_(std::move(source)), delimiter_(delimiter), longest_(longest), block_(first_block) {}

line_reader::outcome line_reader::next(std::string_view& line, const stop_event& stop) {
    for (;;) {
        const auto* from = block_.data() + scanned_;
        const auto* found = scanned_ < end_
                                ? static_cast<const char*>(std::memchr(from, delimiter_, end_ - scanned_))
                                : nullptr;
        const auto length =
            (found != nullptr ? static_cast<std::size_t>(found - block_.data()) : end_) - begin_;
        if (length > longest_) {
            throw failure{"line " + format_number(number_ + 1) + " of " + source_ + " is longer than " +
                          count_of(longest_, "byte") + ", which is the longest message"};
        }
        if (found != nullptr || (at_end_ && length > 0)) {
            line = {block_.data() + begin_, length};
            begin_ += length + (found != nullptr ? 1 : 0);
            scanned_ = begin_;
            consumed_ += length + (found != nullptr ? 1 : 0);
            ++number_;
            return outcome::line;
        }
        scanned_ = end_;
        if (at_end_) return outcome::end;
        if (!fill(stop)) return outcome::stopped;
    }
}

/// Reads on behind what there is. False when a stop came first.
bool line_reader::fill(const stop_event& stop) {
    if (begin_ > 0) {
        std::memmove(block_.data(), block_.data() + begin_, end_ - begin_);
        scanned_ -= begin_;
        end_ -= begin_;
        begin_ = 0;
    }
    if (block_.size() - end_ < least_read) block_.resize(block_.size() * 2);
    for (;;) {
        std::array<pollfd, 2> ready{{{fd_, POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
        if (stop.stopped()) return false;
        if (::poll(ready.data(), ready.size(), -1) < 0) continue;
        if (ready[1].revents != 0) return false;
        const auto got = ::read(fd_, block_.data() + end_, block_.size() - end_);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) throw failure{"cannot read " + source_ + ": " + std::generic_category().message(errno)};
        end_ += static_cast<std::size_t>(got);
        at_end_ = got == 0;
        return true;
    }
}

std::uint64_t line_reader::unread() const {
    const auto from = block_.begin() + static_cast<std::ptrdiff_t>(begin_);
    const auto to = block_.begin() + static_cast<std::ptrdiff_t>(end_);
    const auto whole = static_cast<std::uint64_t>(std::count(from, to, delimiter_));
    return whole + (from != to && *(to - 1) != delimiter_ ? 1 : 0);
}

}  // namespace leat::command

#pragma once

#include <leat/stop.hpp>

#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>

namespace leat::command {

/// Writes to a file descriptor in large blocks. Does not own it. For one thread.
class output {
public:
    /// A write that waits for a slow reader ends when `give_up` is requested.
    output(int fd, std::stop_token give_up);

    /// Appends; writes once a block is full.
    /// @throws failure, also from `flush`: the reader has closed, cannot be written to, or takes nothing
    /// until `give_up`.
    void write(std::string_view text) {
        waiting_ += text;
        if (waiting_.size() >= block) flush();
    }
    void write(char one) { waiting_ += one; }

    /// Writes all that was appended.
    void flush();

private:
    static constexpr std::size_t block = 256u << 10;

    const int fd_;
    const bool may_block_;
    const stop_event give_up_;
    std::string waiting_;
};

}  // namespace leat::command

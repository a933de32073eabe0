#include "output.hpp"

#include "exit_code.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <system_error>

namespace leat::command {
namespace {

bool is_file(int fd) {
    struct stat about {};
    return ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

}  // namespace

output::output(int fd, std::stop_token give_up)
    : fd_(fd), may_block_(!is_file(fd)), give_up_(std::move(give_up)) {}

void output::flush() {
    std::string_view rest = waiting_;
    while (!rest.empty()) {
        auto size = rest.size();
        if (may_block_) {
            // poll promises room for PIPE_BUF bytes; a larger write could wait without an end.
            std::array<pollfd, 2> ready{{{fd_, POLLOUT, 0}, {give_up_.fd(), POLLIN, 0}}};
            if (::poll(ready.data(), ready.size(), -1) < 0) continue;
            if (ready[0].revents == 0) throw failure{"standard output takes nothing more"};
            size = std::min<std::size_t>(size, PIPE_BUF);
        }
        const auto written = ::write(fd_, rest.data(), size);
        if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (written < 0 && errno == EPIPE) throw failure{"standard output was closed by its reader"};
        if (written < 0)
            throw failure{"cannot write standard output: " + std::generic_category().message(errno)};
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    waiting_.clear();
}

}  // namespace leat::command

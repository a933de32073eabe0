#include "console.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace leat::command {
namespace {

constexpr std::string_view clear_line = "\r\033[K";

}  // namespace

console::console(int fd) : fd_(fd), terminal_(::isatty(fd) != 0) {}

void console::name(std::string text) {
    const std::lock_guard lock{mutex_};
    name_ = std::move(text);
}

void console::say(std::string_view text) {
    const std::lock_guard lock{mutex_};
    std::string line = shown_ ? std::string{clear_line} : std::string{};
    shown_ = false;
    line += name_ + ": ";
    // One line, whatever is in it.
    std::transform(text.begin(), text.end(), std::back_inserter(line),
                   [](char c) { return static_cast<unsigned char>(c) < ' ' ? ' ' : c; });
    write(line + "\n");
}

void console::show(std::string_view text) {
    if (!terminal_) return;
    const std::lock_guard lock{mutex_};
    if (text.empty() && !shown_) return;
    shown_ = !text.empty();
    write(std::string{clear_line} + std::string{text});
}

void console::write(std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd_, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return;  // there is nobody to tell
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace leat::command

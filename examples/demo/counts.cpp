#include "counts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace demo {
namespace {

class descriptor {
public:
    explicit descriptor(const std::string& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        if (fd_ < 0)
            throw std::runtime_error{"cannot read " + path + ": " + std::generic_category().message(errno)};
    }
    ~descriptor() { ::close(fd_); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

bool is_month(std::string_view word) {
    constexpr std::array<std::string_view, 12> names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return std::find(names.begin(), names.end(), word) != names.end();
}

std::string_view take_word(std::string_view& rest) {
    const auto begin = std::min(rest.find_first_not_of(" \t[<("), rest.size());
    rest.remove_prefix(begin);
    const auto end = std::min(rest.find_first_of(" \t"), rest.size());
    const auto word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

void counts::add(std::string_view line) {
    ++lines;
    bytes += line.size();
    ++kinds[kind_of(line)];
}

void counts::add(const counts& other) {
    lines += other.lines;
    bytes += other.bytes;
    for (const auto& [kind, number] : other.kinds) kinds[kind] += number;
}

std::string kind_of(std::string_view line) {
    constexpr std::size_t longest = 24;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return "(empty)";
    auto rest = line;
    auto word = take_word(rest);
    if (is_month(word)) {  // "May 20 12:00:00 host program[12]: ..."
        for (int i = 0; i < 4; ++i) word = take_word(rest);
    }
    while (!word.empty() && is_digit(word.front())) word = take_word(rest);
    std::string kind;
    for (const char c : word) {
        const auto letter = static_cast<unsigned char>(c);
        if (kind.size() == longest || letter > 127 || (!std::isalpha(letter) && c != '-' && c != '_')) break;
        kind += static_cast<char>(std::tolower(letter));
    }
    return kind.empty() ? "(other)" : kind;
}

void for_each_line(const log_file& file, const std::function<bool(std::string_view)>& take) {
    const descriptor from{file.path};
    std::string block(256u << 10, '\0');
    std::size_t begin = 0, end = 0;
    for (std::uint64_t left = file.size; left > 0;) {
        if (end == block.size()) {
            block.erase(0, begin);
            end -= begin;
            begin = 0;
            block.resize(std::max(block.size() + block.size() / 2, std::size_t{256} << 10));
        }
        const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size() - end));
        const auto got = ::read(from.get(), block.data() + end, room);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            throw std::runtime_error{"cannot read " + file.path + ": " +
                                     std::generic_category().message(errno)};
        if (got == 0) break;  // it was cut since
        left -= static_cast<std::uint64_t>(got);
        auto scanned = end;
        end += static_cast<std::size_t>(got);
        const std::string_view text{block.data(), end};
        for (auto found = text.find('\n', scanned); found != text.npos; found = text.find('\n', scanned)) {
            if (found - begin > longest_line)
                throw std::runtime_error{file.path + " has a line of more than 15 MiB"};
            if (!take(text.substr(begin, found - begin))) return;
            begin = scanned = found + 1;
        }
        if (end - begin > longest_line)
            throw std::runtime_error{file.path + " has a line of more than 15 MiB"};
    }
    if (end > begin) take({block.data() + begin, end - begin});
}

log_file open_log(const std::string& path) {
    const descriptor file{path};
    struct stat about {};
    ::fstat(file.get(), &about);
    if (!S_ISREG(about.st_mode))
        throw std::runtime_error{"cannot read " + path + ": it is not a regular file"};
    return {path, static_cast<std::uint64_t>(about.st_size)};
}

std::vector<log_file> logs_below(const std::string& directory) {
    namespace fs = std::filesystem;
    constexpr std::array<std::string_view, 6> classic{"syslog", "messages", "debug",
                                                      "dmesg",  "maillog",  "secure"};
    std::vector<log_file> found;
    std::error_code failed;
    fs::recursive_directory_iterator at{directory, fs::directory_options::skip_permission_denied, failed};
    for (; !failed && at != fs::recursive_directory_iterator{}; at.increment(failed)) {
        const auto name = at->path().filename().string();
        const bool is_log =
            name.ends_with(".log") || std::find(classic.begin(), classic.end(), name) != classic.end();
        if (!is_log || !fs::is_regular_file(at->symlink_status(failed))) continue;
        try {
            const descriptor file{at->path().string()};
            std::array<char, 4096> start{};
            const auto got = ::pread(file.get(), start.data(), start.size(), 0);
            const bool is_text = got >= 0 && std::count(start.begin(), start.begin() + got, '\0') == 0;
            if (is_text) found.push_back(open_log(at->path().string()));
        } catch (const std::runtime_error&) {
            continue;  // one that this user may not read
        }
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return found;
}

}  // namespace demo

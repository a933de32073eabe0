#include "watched_files.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace support {
namespace {

struct watch {
    std::mutex mutex;
    std::string directory;
    std::shared_ptr<watched_files::judge> how;
    std::vector<file_operation> all;
};

std::atomic<bool> watching{false};

watch& now() {
    static watch one;
    return one;
}

/// The name in the watched directory; "." for itself, and nothing for what is not watched.
std::string name_of(std::string_view path) {
    const std::string_view directory = now().directory;
    if (path.substr(0, directory.size()) != directory) return {};
    path.remove_prefix(directory.size());
    if (path.empty()) return ".";
    path.remove_prefix(1);
    const bool tables = path.size() > 4 && path.substr(path.size() - 4) == ".mdb" && path != "lock.mdb";
    const bool data = tables || path == "journal";
    return data ? std::string{path} : std::string{};
}

std::string name_of(int fd) {
    if (!watching) return {};
    std::array<char, PATH_MAX> path{};
    const auto link = "/proc/self/fd/" + std::to_string(fd);
    const auto size = ::readlink(link.c_str(), path.data(), path.size());
    return size <= 0 ? std::string{} : name_of(std::string_view{path.data(), static_cast<std::size_t>(size)});
}

/// Makes a watched call, or does as if; `real` is the call itself.
template <class Real>
auto pass(file_operation what, Real real, decltype(real()) good) -> decltype(real()) {
    auto& to = now();
    std::shared_ptr<watched_files::judge> how;
    {
        const std::lock_guard lock{to.mutex};
        how = to.how;
    }
    const auto answer = how ? (*how)(what) : file_answer{};
    auto result = good;
    if (answer.done || answer.error == 0) {
        result = real();
        if (result < 0) return result;
        const std::lock_guard lock{to.mutex};
        to.all.push_back(std::move(what));
    }
    if (answer.error == 0) return result;
    errno = answer.error;
    return -1;
}

template <class Call>
Call* libc(const char* name) {
    return reinterpret_cast<Call*>(::dlsym(RTLD_NEXT, name));
}

file_operation write_of(int fd, std::string file, off_t at, const iovec* parts, int n) {
    file_operation one{.file = std::move(file), .at = static_cast<std::uint64_t>(at)};
    for (int i = 0; i < n; ++i)
        one.bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    one.lasts = (::fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    return one;
}

}  // namespace

watched_files::watched_files(std::filesystem::path directory) {
    auto& to = now();
    to.directory = std::filesystem::canonical(directory).string();
    to.all.clear();
    to.how.reset();
    watching = true;
}

watched_files::~watched_files() {
    watching = false;
    ask({});
}

void watched_files::ask(judge how) {
    const std::lock_guard lock{now().mutex};
    now().how = how ? std::make_shared<judge>(std::move(how)) : nullptr;
}

std::size_t watched_files::count() const {
    const std::lock_guard lock{now().mutex};
    return now().all.size();
}

std::vector<file_operation> watched_files::operations() const {
    const std::lock_guard lock{now().mutex};
    return now().all;
}

}  // namespace support

// In front of libc's, for the program and for the libraries that it uses.

using support::file_operation;
using kind = file_operation::kind;

extern "C" {

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
    static auto* const real = support::libc<ssize_t(int, const void*, size_t, off_t)>("pwrite");
    auto file = support::name_of(fd);
    if (file.empty()) return real(fd, data, size, at);
    const iovec part{const_cast<void*>(data), size};
    return support::pass(
        support::write_of(fd, std::move(file), at, &part, 1), [&] { return real(fd, data, size, at); },
        static_cast<ssize_t>(size));
}

ssize_t pwritev(int fd, const iovec* parts, int n, off_t at) {
    static auto* const real = support::libc<ssize_t(int, const iovec*, int, off_t)>("pwritev");
    auto file = support::name_of(fd);
    if (file.empty()) return real(fd, parts, n, at);
    auto what = support::write_of(fd, std::move(file), at, parts, n);
    const auto size = static_cast<ssize_t>(what.bytes.size());
    return support::pass(
        std::move(what), [&] { return real(fd, parts, n, at); }, size);
}

ssize_t writev(int fd, const iovec* parts, int n) {
    static auto* const real = support::libc<ssize_t(int, const iovec*, int)>("writev");
    auto file = support::name_of(fd);
    if (file.empty()) return real(fd, parts, n);
    auto what = support::write_of(fd, std::move(file), ::lseek(fd, 0, SEEK_CUR), parts, n);
    const auto size = static_cast<ssize_t>(what.bytes.size());
    return support::pass(
        std::move(what), [&] { return real(fd, parts, n); }, size);
}

ssize_t write(int fd, const void* data, size_t size) {
    static auto* const real = support::libc<ssize_t(int, const void*, size_t)>("write");
    auto file = support::name_of(fd);
    if (file.empty()) return real(fd, data, size);
    const iovec part{const_cast<void*>(data), size};
    return support::pass(
        support::write_of(fd, std::move(file), ::lseek(fd, 0, SEEK_CUR), &part, 1),
        [&] { return real(fd, data, size); }, static_cast<ssize_t>(size));
}

int fdatasync(int fd) {
    static auto* const real = support::libc<int(int)>("fdatasync");
    auto file = support::name_of(fd);
    if (file.empty()) return real(fd);
    return support::pass(
        {.what = kind::sync, .file = std::move(file)}, [&] { return real(fd); }, 0);
}

int fsync(int fd) {
    static auto* const real = support::libc<int(int)>("fsync");
    auto file = support::name_of(fd);
    if (file.empty()) return real(fd);
    const auto what = file == "." ? kind::sync_directory : kind::sync;
    return support::pass(
        {.what = what, .file = std::move(file)}, [&] { return real(fd); }, 0);
}

int ftruncate(int fd, off_t size) noexcept {
    static auto* const real = support::libc<int(int, off_t)>("ftruncate");
    auto file = support::name_of(fd);
    if (file.empty()) return real(fd, size);
    return support::pass(
        {.what = kind::resize, .file = std::move(file), .at = static_cast<std::uint64_t>(size)},
        [&] { return real(fd, size); }, 0);
}

int fallocate(int fd, int mode, off_t from, off_t size) {
    static auto* const real = support::libc<int(int, int, off_t, off_t)>("fallocate");
    auto file = support::name_of(fd);
    if (file.empty()) return real(fd, mode, from, size);
    return support::pass(
        {.what = kind::allocate, .file = std::move(file), .at = static_cast<std::uint64_t>(from + size)},
        [&] { return real(fd, mode, from, size); }, 0);
}

int posix_fadvise(int fd, off_t from, off_t size, int advice) noexcept {
    static auto* const real = support::libc<int(int, off_t, off_t, int)>("posix_fadvise");
    auto file = support::name_of(fd);
    if (file.empty() || advice != POSIX_FADV_DONTNEED) return real(fd, from, size, advice);
    return support::pass(
        {.what = kind::forget_cached, .file = std::move(file)}, [&] { return real(fd, from, size, advice); },
        0);
}

int rename(const char* from, const char* to) noexcept {
    static auto* const real = support::libc<int(const char*, const char*)>("rename");
    auto file = support::watching ? support::name_of(std::string_view{to}) : std::string{};
    if (file.empty()) return real(from, to);
    return support::pass(
        {.what = kind::rename, .file = std::move(file), .bytes = support::name_of(std::string_view{from})},
        [&] { return real(from, to); }, 0);
}

}  // extern "C"

#include <leat/queue/detail/directory_lock.hpp>

#include <leat/error.hpp>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace leat::detail::queueing {
namespace {

constexpr std::uint32_t cifs = 0xFF53'4D42, smb2 = 0xFE53'4D42;
constexpr std::array<std::uint32_t, 6> of_the_network{
    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, AFS_SUPER_MAGIC, cifs, smb2, V9FS_MAGIC};

[[noreturn]] void refuse(const std::string& text, int why) {
    throw error{errc::store_failed, text + ": " + std::generic_category().message(why)};
}

std::string owner_of(int fd) {
    std::array<char, 32> text{};
    const auto n = ::pread(fd, text.data(), text.size(), 0);
    const auto* end = std::find_if(text.begin(), text.begin() + std::max<ssize_t>(n, 0),
                                   [](char c) { return c < '0' || c > '9'; });
    return {text.cbegin(), end};
}

}  // namespace

directory_lock::directory_lock(const std::filesystem::path& directory) {
    struct statfs on {};
    if (::statfs(directory.c_str(), &on) != 0) refuse(directory.string(), errno);
    const auto type = static_cast<std::uint32_t>(on.f_type);
    if (std::find(of_the_network.begin(), of_the_network.end(), type) != of_the_network.end())
        throw error{errc::store_failed,
                    directory.string() + " is on a file system of the network; a queue needs a local one"};
    const auto file = directory / "lock";
    fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) refuse(file.string(), errno);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        const auto why = errno;
        const auto owner = owner_of(fd_);
        ::close(fd_);
        if (why != EWOULDBLOCK) refuse(file.string(), why);
        const bool mine = owner == std::to_string(::getpid());
        throw error{errc::store_in_use, directory.string() + " is in use by " +
                                            (mine            ? "a queue of this process"
                                             : owner.empty() ? "another process"
                                                             : "process " + owner)};
    }
    const auto pid = std::to_string(::getpid()) + '\n';
    if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
        // A full disk: the lock holds all the same, and only its text is missing.
    }
}

directory_lock::~directory_lock() {
    ::close(fd_);
}

}  // namespace leat::detail::queueing

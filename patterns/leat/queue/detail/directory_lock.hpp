#pragma once

#include <filesystem>

namespace leat::detail::queueing {

/// Keeps everyone else out of a directory, in this process too: a lock (flock) on the file `lock` in it,
/// which says the pid of its owner. Let go of at the end, also by a crash.
class directory_lock {
public:
    /// @throws leat::error: `store_in_use`, with the pid that has it; `store_failed`, also on a file system
    /// of the network, where locks and maps are not to be relied on
    explicit directory_lock(const std::filesystem::path& directory);
    ~directory_lock();
    directory_lock(const directory_lock&) = delete;
    directory_lock& operator=(const directory_lock&) = delete;

private:
    int fd_ = -1;
};

}  // namespace leat::detail::queueing

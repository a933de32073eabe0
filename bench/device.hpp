#pragma once

#include "program.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// Bytes that these processes have handed to write calls (`wchar` of /proc/PID/io): of files, since sockets
/// are written with send.
[[nodiscard]] std::uint64_t bytes_written(const std::vector<pid_t>& processes);

/// Bytes of pages that they have made dirty (`write_bytes`). No measure of how much is written: a file system
/// with large pages counts a whole one for each write into it.
[[nodiscard]] std::uint64_t bytes_dirtied(const std::vector<pid_t>& processes);

/// Resident memory of these processes now, in MiB, shared pages included.
[[nodiscard]] double resident_mib(const std::vector<pid_t>& processes);

/// The device and the file system that a directory is on: "/dev/vda, ext4".
[[nodiscard]] std::string device_of(const std::filesystem::path& directory);

/// Flushes that this device has finished since the machine was started (/proc/diskstats), by everybody.
[[nodiscard]] std::optional<std::uint64_t> flushes_of(const std::filesystem::path& directory);

/// Bytes that were written to this device since then, by everybody.
[[nodiscard]] std::optional<std::uint64_t> written_to(const std::filesystem::path& directory);

/// Counts the syncs that processes ask for, with strace, which slows them down: for no other measurement.
class sync_count {
public:
    [[nodiscard]] static bool available() { return installed("strace"); }

    /// Returns once all calls are seen. `scratch` is a directory for its list.
    sync_count(const std::vector<pid_t>& processes, const std::string& scratch);

    /// fsync, fdatasync, msync and sync_file_range, begun since then. To be called once.
    [[nodiscard]] std::size_t stop();

private:
    const std::string list_;
    program strace_;
};

}  // namespace bench

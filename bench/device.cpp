#include "device.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

/// The number behind `name:` in a file of /proc, 0 when there is none.
std::uint64_t field(const std::string& file, const std::string& name) {
    std::ifstream in{file};
    std::string word;
    while (in >> word) {
        std::uint64_t value = 0;
        if (word == name + ":" && in >> value) return value;
    }
    return 0;
}

std::string process_file(pid_t pid, const char* name) {
    return "/proc/" + std::to_string(pid) + "/" + name;
}

std::string device_number(const std::filesystem::path& directory) {
    struct stat at {};
    if (::stat(directory.c_str(), &at) != 0) throw std::runtime_error{"cannot look at " + directory.string()};
    return std::to_string(major(at.st_dev)) + ":" + std::to_string(minor(at.st_dev));
}

/// The number of /proc/diskstats that stands at this place behind the device's name, counted from 1.
std::optional<std::uint64_t> disk_figure(const std::filesystem::path& directory, int place) {
    const auto number = device_number(directory);
    std::ifstream in{"/proc/diskstats"};
    for (std::string line; std::getline(in, line);) {
        std::istringstream words{line};
        std::string major, minor, name;
        words >> major >> minor >> name;
        if (major + ":" + minor != number) continue;
        std::uint64_t value = 0;
        for (int i = 0; i < place; ++i) words >> value;
        if (words) return value;
    }
    return std::nullopt;
}

program::start tracing(const std::vector<pid_t>& processes, const std::string& list) {
    program::start how{
        .words = {"strace", "-f", "-e", "trace=fsync,fdatasync,msync,sync_file_range", "-o", list},
        .ready = "attached"};
    for (const auto pid : processes) {
        how.words.insert(how.words.end(), {"-p", std::to_string(pid)});
    }
    return how;
}

}  // namespace

std::uint64_t bytes_written(const std::vector<pid_t>& processes) {
    std::uint64_t sum = 0;
    for (const auto pid : processes) sum += field(process_file(pid, "io"), "wchar");
    return sum;
}

std::uint64_t bytes_dirtied(const std::vector<pid_t>& processes) {
    std::uint64_t sum = 0;
    for (const auto pid : processes) sum += field(process_file(pid, "io"), "write_bytes");
    return sum;
}

double resident_mib(const std::vector<pid_t>& processes) {
    std::uint64_t sum_kib = 0;
    for (const auto pid : processes) sum_kib += field(process_file(pid, "status"), "VmRSS");
    return static_cast<double>(sum_kib) / 1024;
}

std::string device_of(const std::filesystem::path& directory) {
    const auto number = device_number(directory);
    std::ifstream in{"/proc/self/mountinfo"};
    for (std::string line; std::getline(in, line);) {
        std::istringstream words{line};
        std::string id, parent, device, word, type, source;
        words >> id >> parent >> device;
        if (device != number) continue;
        while (words >> word && word != "-") {
        }
        words >> type >> source;
        return source + ", " + type;
    }
    return "device " + number;
}

std::optional<std::uint64_t> flushes_of(const std::filesystem::path& directory) {
    constexpr int flushes = 16;
    return disk_figure(directory, flushes);
}

std::optional<std::uint64_t> written_to(const std::filesystem::path& directory) {
    constexpr int sectors_written = 7;
    constexpr std::uint64_t sector = 512;
    const auto sectors = disk_figure(directory, sectors_written);
    if (!sectors) return std::nullopt;
    return *sectors * sector;
}

sync_count::sync_count(const std::vector<pid_t>& processes, const std::string& scratch)
    : list_(scratch + "/syncs"), strace_(tracing(processes, list_)) {
    for (const auto pid : processes) strace_.wait_for("Process " + std::to_string(pid) + " attached");
}

std::size_t sync_count::stop() {
    strace_.interrupt();
    std::ifstream in{list_};
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) {
        // A call that another thread's interrupted is listed again, as "<... fsync resumed>".
        if (line.find('(') != std::string::npos && line.find("resumed>") == std::string::npos) ++count;
    }
    return count;
}

}  // namespace bench

#include <leat/queue/store_compaction.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/directory_lock.hpp>
#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/page_file.hpp>
#include <leat/queue/detail/store_survey.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace leat {
namespace {

using namespace detail;

/// A descriptor with an owner.
class open_file {
public:
    open_file(std::filesystem::path path, int flags, mode_t mode = 0)
        : path_(std::move(path)), fd_(::open(path_.c_str(), flags | O_CLOEXEC, mode)) {
        if (fd_ < 0) fail();
    }
    ~open_file() { ::close(fd_); }
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    void must(int result) const {
        if (result != 0) fail();
    }

private:
    [[noreturn]] void fail() const {
        throw error{errc::store_failed, path_.string() + ": " + std::generic_category().message(errno)};
    }

    const std::filesystem::path path_;
    const int fd_;
};

void must_be_good(const std::filesystem::path& data) {
    const auto refuse = [&](const std::string& why) {
        throw error{errc::store_unreadable, data.string() + ": " + why};
    };
    lmdb::page_file file{data, refuse};
    const auto meta = queueing::read_meta(file, refuse);
    const auto format = meta.find("format");
    if (format == meta.end()) refuse("it does not say what it is");
    if (const auto why = queueing::unknown_format(format->second); !why.empty()) refuse(why);
    lmdb::page_file{data, refuse}.check(refuse);
}

void write_copy(const std::filesystem::path& directory, const std::filesystem::path& to) {
    struct stat old {};
    const open_file data{directory / "data.mdb", O_RDONLY};
    data.must(::fstat(data.fd(), &old));
    std::filesystem::remove(to);
    const open_file copy{to, O_WRONLY | O_CREAT | O_EXCL, 0600};
    const lmdb::environment env{directory, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0};
    lmdb::check("mdb_env_copyfd2", mdb_env_copyfd2(env.get(), copy.fd(), MDB_CP_COMPACT));
    if (old.st_uid != ::geteuid() || old.st_gid != ::getegid())
        copy.must(::fchown(copy.fd(), old.st_uid, old.st_gid));
    copy.must(::fchmod(copy.fd(), old.st_mode & 07777));
    copy.must(::fsync(copy.fd()));
}

}  // namespace

store_compaction compact_store(const std::filesystem::path& directory) {
    const auto data = directory / "data.mdb", small = directory / "compact.mdb";
    std::error_code ignored;
    if (!std::filesystem::exists(data, ignored))
        throw error{errc::store_unreadable, directory.string() + " has no queue in it"};
    const queueing::directory_lock lock{directory};
    try {
        must_be_good(data);
        store_compaction done{.before = std::filesystem::file_size(data)};
        write_copy(directory, small);
        must_be_good(small);
        done.after = std::filesystem::file_size(small);
        std::filesystem::rename(small, data);
        const open_file at{directory, O_RDONLY | O_DIRECTORY};
        at.must(::fsync(at.fd()));
        return done;
    } catch (...) {
        std::filesystem::remove(small, ignored);
        try {
            throw;
        } catch (const lmdb::failure& e) {
            throw error{errc::store_failed, "the store " + directory.string() + ": " + e.what()};
        } catch (const std::filesystem::filesystem_error& e) {
            throw error{errc::store_failed, "the store " + directory.string() + ": " + e.code().message()};
        }
    }
}

}  // namespace leat

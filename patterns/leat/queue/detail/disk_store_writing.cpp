// A commit, and what becomes of one that fails (P7, P8).

#include <leat/queue/detail/disk_store.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t beside_records =
    1 << 20;  // bytes of pages that a commit writes beside its records, at most

/// The pages of a file that are in memory and taken for written, though a sync of them failed.
void forget_cached(const std::filesystem::path& file) noexcept {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
}

}  // namespace

bool disk_store::write() {
    bool good = false;
    try {
        if (env_ == nullptr) open();
        good = try_write();
        if (good) broken_ = false;
    } catch (const lmdb::failure& e) {
        failed(e);
    } catch (const std::exception& e) {
        broken_ = true;
        failed(e.what());
    }
    for (std::size_t i = 0; i < queues_changed_; ++i) tables_[i].written(changes_[i], good);
    if (!good) {
        const std::lock_guard lock{mutex_};
        ++figures_.failed_commits;
    }
    if (good && failing_ && clock::now() >= try_at_) probe();
    return good;
}

bool disk_store::try_write() {
    std::uint64_t bytes = 0, rows = 0;
    bool refusable = false;
    for (std::size_t i = 0; i < queues_changed_; ++i) {
        bytes += changes_[i].bytes.size();
        rows += changes_[i].records.size();
        for (const auto& one : changes_[i].rewritten) bytes += one.live_bytes;
        refusable = refusable || changes_[i].refusable;
    }
    const bool room = rows == 0 || reserve_.has_room(*env_, bytes + rows * page + beside_records);
    if (!room) failed(reserve_.why());
    if (!room && refusable) return false;
    lmdb::transaction in{*env_};
    for (std::size_t i = 0; i < queues_changed_; ++i) tables_[i].write(in, changes_[i]);
    const auto size = in.bytes_put();
    const auto sync_from = clock::now();
    in.commit();
    note_commit(size, sync_from);
    if (failing_ && rows > 0 && room) works_again();
    return true;
}

void disk_store::note_commit(std::uint64_t size, clock::time_point sync_from) {
    const auto now = clock::now();
    const auto us = [](clock::duration time) {
        return static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(time).count());
    };
    const std::lock_guard lock{mutex_};
    ++figures_.commits;
    figures_.commit_us.add(us(now - handed_over_));
    figures_.sync_us.add(us(now - sync_from));
    figures_.commit_bytes.add(size);
    committed_at_ = now;
}

queue_store_stat disk_store::stat() {
    queue_store_stat all;
    {
        const std::lock_guard lock{mutex_};
        all = figures_;
        all.since_commit =
            std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - committed_at_);
    }
    all.failing = !accepts_puts_;
    const std::lock_guard lock{opening_};
    try {
        struct stat file {};
        if (env_ == nullptr || ::fstat(env_->fd(), &file) != 0) return all;
        constexpr std::uint64_t block = 512;
        all.file_bytes = static_cast<std::uint64_t>(file.st_blocks) * block;
        const auto used = env_->used();
        all.reserve_bytes = free_inside(*env_) + std::max(all.file_bytes, used) - used;
        lmdb::transaction in{*env_, MDB_RDONLY};
        for (const auto& each : tables_) all.dead_bytes += each.bytes(in);
    } catch (const lmdb::failure&) {
        // Without what could not be read.
    }
    return all;
}

/// Whether it works again: writes what is there already, and syncs it.
void disk_store::probe() {
    try {
        if (env_ == nullptr) open();
        if (!reserve_.has_room(*env_, beside_records)) {
            try_at_ = clock::now() + options_.retry;
            return;
        }
        lmdb::transaction in{*env_};
        set_clean(in, false);
        in.commit();
        works_again();
    } catch (const lmdb::failure& e) {
        failed(e);
    } catch (const std::exception& e) {
        failed(e.what());
    }
}

/// What LMDB could not do. Only when the map is full is nothing the matter with the file.
void disk_store::failed(const lmdb::failure& why) {
    failed(why.what());
    if (why.code == MDB_MAP_FULL) return;
    broken_ = true;
    open_again();
}

void disk_store::failed(const std::string& why) {
    try_at_ = clock::now() + options_.retry;
    accepts_puts_ = false;
    if (std::exchange(failing_, true) || !options_.warn) return;
    options_.warn("queue " + options_.name + ": puts are refused, " + options_.directory.string() +
                  " cannot be written: " + why);
}

/// For what is read. Whether writing works is found out by the next commit or probe, which open it if this
/// fails.
void disk_store::open_again() noexcept {
    {
        const std::lock_guard lock{opening_};
        env_.reset();
    }
    forget_cached(options_.directory / "data.mdb");
    try {
        open();
    } catch (const std::exception&) {
        const std::lock_guard lock{opening_};
        env_.reset();
    }
}

void disk_store::works_again() {
    failing_ = broken_ = false;
    accepts_puts_ = true;
    if (options_.warn) options_.warn("queue " + options_.name + ": its store can be written again");
    tell();
}

void disk_store::tell() {
    std::function<void()> call;
    {
        const std::lock_guard lock{mutex_};
        call = tell_;
    }
    call();
}

}  // namespace leat::detail::queueing

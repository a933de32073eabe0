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
    1 << 20;                                // bytes of pages that a commit writes beside its records, at most
constexpr std::uint64_t large = 1 << 20;    // bytes of a commit that is not written twice
constexpr std::size_t most_kept = 1 << 16;  // rows that are kept in memory until they are in the tables

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
    tell_of_journal(good);
    for (std::size_t i = 0; i < queues_changed_; ++i) tables_[i].written(changes_[i], good);
    if (!good) {
        staged_.drop();
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
    const bool room =
        rows == 0 || reserve_.has_room(*env_, staged_.kept_bytes() + bytes + rows * page + beside_records);
    if (!room) failed(reserve_.why());
    if (!room && refusable) return false;
    staged_.look_at(*env_);
    for (std::size_t i = 0; i < queues_changed_; ++i) tables_[i].write(staged_, changes_[i]);
    const auto size = staged_.bytes_put();
    const auto sync_from = clock::now();
    if (size >= large || !write_journal()) write_tables();
    note_commit(size, sync_from);
    if (failing_ && rows > 0 && room) works_again();
    return true;
}

/// False when the commit must go into the tables.
bool disk_store::write_journal() {
    if (failing_ || staged_.kept() >= most_kept) return false;
    if (!journal_good_ && staged_.nothing_kept() && clock::now() >= try_journal_at_) open_journal();
    if (!journal_good_) return false;
    const auto& rows = staged_.changes();
    if (!journal_.has_room(rows)) return false;
    try {
        journal_.append(last_commit_ + 1, rows, places_);
    } catch (const journal::failure& e) {
        journal_failed(e.what());
        return false;
    }
    ++last_commit_;
    const std::lock_guard lock{opening_};
    staged_.keep(places_);
    return true;
}

/// What is kept in it can still be read; it is written again when that is in the tables.
void disk_store::journal_failed(std::string why) noexcept {
    journal_good_ = false;
    try_journal_at_ = clock::now() + options_.retry;
    journal_failure_ = std::move(why);
}

/// When the tables fail too there is something worse to say.
void disk_store::tell_of_journal(bool tables_good) {
    if (journal_good_) journal_told_ = false;
    if (journal_failure_.empty()) return;
    const auto why = std::exchange(journal_failure_, {});
    if (!tables_good || std::exchange(journal_told_, true) || !options_.warn) return;
    options_.warn("queue " + options_.name + ": commits take longer, they go without a journal in " +
                  options_.directory.string() + ": " + why);
}

/// All that is not in the tables yet. Its number is used up also when it fails, so that it cannot be that of
/// another one in the journal.
void disk_store::write_tables(bool clean) {
    staged_.let_go();
    lmdb::transaction in{*env_};
    staged_.apply(in);
    ++last_commit_;
    put_commit(in);
    if (clean) set_clean(in, true);
    in.commit();
    const std::lock_guard lock{opening_};
    staged_.clear();
    journal_.restart();
}

void disk_store::write_tables_when_idle() {
    try {
        write_tables();
    } catch (const lmdb::failure& e) {
        failed(e);
    } catch (const std::exception& e) {
        failed(e.what());
    }
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
        if (!reserve_.has_room(*env_, staged_.kept_bytes() + beside_records)) {
            try_at_ = clock::now() + options_.retry;
            return;
        }
        write_tables();
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
        staged_.let_go();
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

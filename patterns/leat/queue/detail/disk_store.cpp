#include <leat/queue/detail/disk_store.hpp>

#include <leat/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

namespace leat::detail::queueing {
namespace {

using namespace std::chrono_literals;

constexpr unsigned how = MDB_NOTLS;
constexpr auto probe_interval = 1s;
constexpr std::uint64_t beside_records =
    1 << 20;  // bytes of pages that a commit writes beside its records, at most

const std::string format_row = "format", identity_row = "queue";

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span{text});
}

std::uint64_t random_number() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

void sync_directory(const std::filesystem::path& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    ::fsync(fd);
    ::close(fd);
}

}  // namespace

disk_store::disk_store(disk_store_options options)
    : options_(std::move(options)), reserve_(options_.reserve, options_.map_size) {
    const auto refuse = [&](errc kind, const std::string& why) {
        throw error{kind, "the store " + options_.directory.string() + ": " + why};
    };
    try {
        std::filesystem::create_directories(options_.directory);
        lock_.emplace(options_.directory);
        look();
        open();
        begin_opening();
        accepts_puts_ = reserve_.has_room(*env_, 0);
    } catch (const lmdb::failure& e) {
        constexpr std::array damage{MDB_INVALID, MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_VERSION_MISMATCH,
                                    MDB_INCOMPATIBLE};
        const bool damaged = std::find(damage.begin(), damage.end(), e.code) != damage.end();
        refuse(damaged ? errc::store_unreadable : errc::store_failed, e.what());
    } catch (const std::filesystem::filesystem_error& e) {
        refuse(errc::store_failed, e.code().message());
    }
    failing_ = !accepts_puts_;
    try_at_ = clock::now() + probe_interval;
    thread_ = std::thread{[this] { run(); }};
}

void disk_store::end(bool clean) {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        clean_ = clean;
    }
    work_.notify_one();
    thread_.join();
    env_.reset();
    lock_.reset();
}

/// Refuses what must stay as it is, without opening it for writing.
void disk_store::look() const {
    if (!std::filesystem::exists(options_.directory / "data.mdb")) return;
    if (std::filesystem::file_size(options_.directory / "data.mdb") == 0) return;  // killed while it was made
    const lmdb::environment env{options_.directory, how | MDB_RDONLY | MDB_NOLOCK, options_.map_size};
    lmdb::transaction in{env, MDB_RDONLY};
    const auto refuse = [&](const std::string& why) {
        throw error{errc::store_unreadable, "the store " + options_.directory.string() + ": " + why};
    };
    const auto meta = in.find("meta");
    if (!meta) {
        if (env.tables() > 0) refuse("it is an LMDB environment of something else");
        return;
    }
    const auto format = in.get(*meta, bytes_of(format_row));
    const auto identity = in.get(*meta, bytes_of(identity_row));
    if (!format || !identity) refuse("it does not say what it is");
    if (const auto why = unknown_format(*format); !why.empty()) refuse(why);
    const auto known = decode_identity(*identity);
    if (!known) refuse("what says whose it is, is damaged");
    if (known->name != options_.name)
        refuse("it is of the queue " + known->name + ", not of " + options_.name);
}

void disk_store::open() {
    const std::lock_guard lock{opening_};
    env_ = std::make_unique<lmdb::environment>(options_.directory, how, options_.map_size);
    int dead = 0;
    mdb_reader_check(env_->get(), &dead);  // those of a process that was killed
    lmdb::transaction in{*env_};
    for (auto& one : tables_) one.open(in);
    say_what_it_is(in);
    in.commit();
    reserve_.forget();
    sync_directory(options_.directory);
}

/// With the tables, in one transaction: a directory is never there without it, whenever its maker is killed.
void disk_store::say_what_it_is(lmdb::transaction& in) {
    const auto meta = in.open("meta", 0);
    if (in.get(meta, bytes_of(identity_row))) return;
    in.put(meta, bytes_of(format_row), encode_format());
    store_identity made;
    made.queue = {random_number(), random_number()};
    made.hash_key = {random_number(), random_number()};
    made.name = options_.name;
    octets row;
    encode(row, made);
    in.put(meta, bytes_of(identity_row), row);
}

/// Reads what is there, and says in the same transaction that there is a new opening.
void disk_store::begin_opening() {
    lmdb::transaction in{*env_};
    const auto meta = in.open("meta", 0);
    identity_ = *decode_identity(in.get(meta, bytes_of(identity_row)).value());
    for (auto& one : tables_) one.keep_ids(options_.id_span, options_.ids);
    for (std::size_t i = 0; i < tables_.size(); ++i) recovered_[i] = tables_[i].read(in);

    // A salt is needed as long as a message of its opening is there.
    const auto& queue = recovered_[0];
    auto& salts = identity_.salts;
    const auto oldest = queue.records.empty() ? queue.next_seq : queue.records.front()->seq(0);
    const auto kept =
        std::find_if(salts.rbegin(), salts.rend(), [&](const auto& one) { return one.first <= oldest; });
    if (kept != salts.rend()) salts.erase(salts.begin(), std::prev(kept.base()));
    salts.emplace_back(queue.next_seq, random_number());
    ++identity_.openings;
    was_clean_ = identity_.clean;
    for (std::size_t i = 0; i < tables_.size(); ++i) {
        recovered_[i].clean = was_clean_;
        if (!was_clean_) continue;
        recovered_[i].out.clear();
        tables_[i].clear_out(in);
    }
    set_clean(in, false);
    in.commit();
}

void disk_store::set_clean(lmdb::transaction& in, bool clean) {
    identity_.clean = clean;
    octets row;
    encode(row, identity_);
    in.put(in.open("meta", 0), bytes_of(identity_row), row);
}

void disk_store::commit(std::span<const commit_batch* const> batches) {
    queues_changed_ = batches.size();
    for (std::size_t i = 0; i < batches.size(); ++i) changes_[i].take(*batches[i]);
    {
        const std::lock_guard lock{mutex_};
        under_way_ = true;
        result_.reset();
    }
    work_.notify_one();
}

std::optional<bool> disk_store::poll() {
    const std::lock_guard lock{mutex_};
    return std::exchange(result_, std::nullopt);
}

void disk_store::wait() {
    std::unique_lock lock{mutex_};
    done_.wait(lock, [&] { return !under_way_; });
}

bool disk_store::fetch(record& rec, bool dead) {
    const std::lock_guard lock{opening_};
    std::string why = "it is damaged";
    try {
        if (env_ == nullptr) return false;
        lmdb::transaction in{*env_, MDB_RDONLY};
        if (auto bodies = tables_[dead ? 1 : 0].bodies(in, rec)) {
            rec.warm(std::move(*bodies));
            return true;
        }
    } catch (const lmdb::failure& e) {
        why = e.what();
    }
    if (!std::exchange(unreadable_, true) && options_.warn)
        options_.warn("queue " + options_.name + ": record " + std::to_string(rec.number()) + " in " +
                      options_.directory.string() +
                      " cannot be read, and what comes behind it waits: " + why);
    return false;
}

void disk_store::run() {
    std::unique_lock lock{mutex_};
    while (true) {
        const auto ready = [&] { return stopping_ || under_way_; };
        if (!failing_) {
            work_.wait(lock, ready);
        } else if (!work_.wait_until(lock, try_at_, ready)) {
            lock.unlock();
            probe();
            lock.lock();
            continue;
        }
        if (!under_way_) break;
        // A store whose writes fail is not asked more often than that.
        if (env_ == nullptr) work_.wait_until(lock, try_at_, [&] { return stopping_; });
        lock.unlock();
        const auto good = write();
        lock.lock();
        under_way_ = false;
        result_ = good;
        done_.notify_all();
        lock.unlock();
        tell_();
        lock.lock();
    }
    if (!clean_ || failing_ || env_ == nullptr) return;
    try {
        lmdb::transaction in{*env_};
        set_clean(in, true);
        in.commit();
    } catch (const lmdb::failure&) {
        // All commits were synced; the next opening only does not know that it was closed.
    }
}

bool disk_store::write() {
    bool good = false;
    try {
        if (env_ == nullptr) open();
        good = try_write();
    } catch (const lmdb::failure& e) {
        failed(e.what(), e.code != MDB_MAP_FULL);
    } catch (const std::exception& e) {
        failed(e.what(), true);
    }
    for (std::size_t i = 0; i < queues_changed_; ++i) tables_[i].written(good);
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
    constexpr std::uint64_t page = 4096;
    const bool room = rows == 0 || reserve_.has_room(*env_, bytes + rows * page + beside_records);
    if (!room) failed("the disk is full", false);
    if (!room && refusable) return false;
    lmdb::transaction in{*env_};
    for (std::size_t i = 0; i < queues_changed_; ++i) tables_[i].write(in, changes_[i]);
    in.commit();
    if (failing_ && rows > 0 && room) works_again();
    return true;
}

/// Whether it works again: writes what is there already, and syncs it.
void disk_store::probe() {
    try {
        if (env_ == nullptr) open();
        if (!reserve_.has_room(*env_, beside_records)) {
            try_at_ = clock::now() + probe_interval;
            return;
        }
        lmdb::transaction in{*env_};
        set_clean(in, false);
        in.commit();
        works_again();
    } catch (const lmdb::failure& e) {
        failed(e.what(), e.code != MDB_MAP_FULL);
    }
}

void disk_store::failed(const std::string& why, bool reopen) {
    try_at_ = clock::now() + probe_interval;
    if (reopen) {
        const std::lock_guard lock{opening_};
        env_.reset();
    }
    accepts_puts_ = false;
    if (std::exchange(failing_, true) || !options_.warn) return;
    options_.warn("queue " + options_.name + ": puts are refused, " + options_.directory.string() +
                  " cannot be written: " + why);
}

void disk_store::works_again() {
    failing_ = false;
    accepts_puts_ = true;
    if (options_.warn) options_.warn("queue " + options_.name + ": its store can be written again");
}

}  // namespace leat::detail::queueing

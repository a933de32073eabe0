#include <leat/queue/detail/disk_store.hpp>

#include <leat/error.hpp>
#include <leat/queue/detail/octets.hpp>
#include <leat/queue/detail/page_file.hpp>
#include <leat/queue/detail/store_survey.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr unsigned how = MDB_NOTLS;

constexpr std::chrono::seconds idle{1};  // without a commit: then the tables get what the journal has

const std::string format_row = "format", identity_row = "queue", journal_row = "journal";
const std::string data_file = "data.mdb", unfinished_file = "new.mdb", journal_file = "journal";

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span{text});
}

void sync_directory(const std::filesystem::path& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    ::fsync(fd);
    ::close(fd);
}

std::uint64_t random_number() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

void put_identity(lmdb::transaction& in, const store_identity& what) {
    octets row;
    encode(row, what);
    seal_row(bytes_of(identity_row), row);
    in.put(in.open("meta", MDB_CREATE), bytes_of(identity_row), row);
}

void put_format(lmdb::transaction& in) {
    auto row = encode_format();
    seal_row(bytes_of(format_row), row);
    in.put(in.open("meta", MDB_CREATE), bytes_of(format_row), row);
}

/// The number of the last commit that is in the tables.
std::uint64_t commit_in_tables(lmdb::transaction& in, MDB_dbi meta) {
    const auto row = in.get(meta, bytes_of(journal_row));
    if (!row) return 0;
    const auto value = open_row(bytes_of(journal_row), *row);
    if (!value) throw error{errc::store_unreadable, "what says which commits are in it, is damaged"};
    return octet_reader{*value}.number<std::uint64_t>();
}

/// LMDB makes a file step by step: one of which a crash has left a part gets the name only when it is whole.
void make_file(const std::filesystem::path& directory, const std::string& name) {
    const auto file = directory / unfinished_file;
    const auto clear = [&] {
        std::filesystem::remove(file);
        std::filesystem::remove(file.string() + "-lock");
    };
    clear();
    {
        const lmdb::environment env{file, how | MDB_NOSUBDIR, 0};
        lmdb::transaction in{env};
        store_identity identity{.queue = {random_number(), random_number()},
                                .hash_key = {random_number(), random_number()},
                                .name = name};
        put_format(in);
        put_identity(in, identity);
        in.commit();
    }
    std::filesystem::rename(file, directory / data_file);
    sync_directory(directory);
    clear();
}

}  // namespace

disk_store::disk_store(disk_store_options options)
    : options_(std::move(options)),
      reserve_(options_.reserve, options_.map_size),
      journal_(options_.directory / journal_file, options_.journal) {
    const auto refuse = [&](errc kind, const std::string& why) {
        throw error{kind, "the store " + options_.directory.string() + ": " + why};
    };
    try {
        std::filesystem::create_directories(options_.directory);
        lock_.emplace(options_.directory);
        const auto file = options_.directory / data_file;
        if (!std::filesystem::exists(file) || std::filesystem::file_size(file) == 0)
            make_file(options_.directory, options_.name);
        look();
        std::filesystem::remove(options_.directory / "compact.mdb");  // of a compaction that was killed
        open();
        begin_opening();
        open_journal();
        if (!reserve_.has_room(*env_, 0)) failed(reserve_.why());
    } catch (const lmdb::failure& e) {
        constexpr std::array damage{MDB_INVALID, MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_VERSION_MISMATCH,
                                    MDB_INCOMPATIBLE};
        const bool damaged = std::find(damage.begin(), damage.end(), e.code) != damage.end();
        refuse(damaged ? errc::store_unreadable : errc::store_failed, e.what());
    } catch (const journal::failure& e) {
        refuse(errc::store_failed, e.what());
    } catch (const std::filesystem::filesystem_error& e) {
        refuse(errc::store_failed, e.code().message());
    }
    committed_at_ = clock::now();
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
    staged_.let_go();
    env_.reset();
    journal_.close();
    lock_.reset();
}

/// Refuses what must stay as it is, without opening it for writing. LMDB trusts the pages that it reads, so
/// they are looked at first; bodies are not.
void disk_store::look() const {
    const auto data = options_.directory / "data.mdb";
    const auto refuse = [&](const std::string& why) {
        throw error{errc::store_unreadable, "the store " + options_.directory.string() + ": " + why};
    };
    const auto damaged = [&](const std::string& what) {
        refuse(what +
               "; `leat store verify` names all that is damaged, `leat store salvage` copies the rest");
    };
    lmdb::page_file file{data, damaged};
    const auto meta = read_meta(file, damaged);
    if (meta.empty()) {
        file.check(damaged);
        refuse("it does not say what it is: no queue, or a salvage that was cut off");
    }
    const auto format = meta.find(format_row), identity = meta.find(identity_row);
    if (format == meta.end() || identity == meta.end()) refuse("it does not say what it is");
    if (const auto why = unknown_format(format->second); !why.empty()) refuse(why);
    const auto known = decode_identity(identity->second);
    if (!known) damaged("what says whose it is, is damaged");
    if (known->name != options_.name)
        refuse("it is of the queue " + known->name + ", not of " + options_.name);
    lmdb::page_file{data, damaged}.check(damaged);
}

void disk_store::open() {
    const std::lock_guard lock{opening_};
    env_ = std::make_unique<lmdb::environment>(options_.directory, how, options_.map_size);
    int dead = 0;
    mdb_reader_check(env_->get(), &dead);  // those of a process that was killed
    lmdb::transaction in{*env_};
    handles_.open(in);
    last_commit_ = std::max(last_commit_, commit_in_tables(in, handles_[meta_table]));
    in.commit();
    reserve_.forget();
    sync_directory(options_.directory);
}

/// A journal that cannot be had is no reason not to be open: commits go into the tables then.
void disk_store::open_journal() noexcept {
    if (options_.journal == 0) return;
    const std::lock_guard lock{opening_};
    try {
        journal_.open(identity_.queue);
        sync_directory(options_.directory);
        journal_good_ = true;
    } catch (const std::exception& e) {
        journal_failed(e.what());
    }
}

void disk_store::replay(lmdb::transaction& in) {
    const auto found = read_journal(options_.directory / journal_file, identity_.queue, last_commit_,
                                    [&](const row_change& one) {
                                        if (one.table >= store_tables_count) return;
                                        if (one.value) {
                                            in.put(handles_[one.table], one.key, *one.value);
                                        } else {
                                            in.erase(handles_[one.table], one.key);
                                        }
                                    });
    if (!found.damage.empty())
        throw error{errc::store_unreadable, "the store " + options_.directory.string() + ": " + found.damage +
                                                "; `leat store salvage` copies what is left"};
    last_commit_ = found.last;
    put_commit(in);
}

/// Reads what is there, and says in the same transaction that there is a new opening.
void disk_store::begin_opening() {
    lmdb::transaction in{*env_};
    const auto row = in.get(in.open("meta", 0), bytes_of(identity_row));
    const auto value = row ? open_row(bytes_of(identity_row), *row) : std::nullopt;
    auto identity = value ? decode_identity(*value) : std::nullopt;
    if (!identity) throw error{errc::store_unreadable, "what says whose it is, is damaged"};
    identity_ = std::move(*identity);
    replay(in);
    if (const auto format = in.get(handles_[meta_table], bytes_of(format_row)))
        upgraded_from_ = older_format(*format);
    if (upgraded_from_ != 0) put_format(in);
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

/// Says which commit is the last one that is in the tables.
void disk_store::put_commit(lmdb::transaction& in) const {
    octets row;
    octet_writer{row}.number(last_commit_);
    seal_row(bytes_of(journal_row), row);
    in.put(handles_[meta_table], bytes_of(journal_row), row);
}

void disk_store::set_clean(lmdb::transaction& in, bool clean) {
    identity_.clean = clean;
    put_identity(in, identity_);
}

void disk_store::commit(std::span<const commit_batch* const> batches) {
    queues_changed_ = batches.size();
    for (std::size_t i = 0; i < batches.size(); ++i) changes_[i].take(*batches[i]);
    {
        const std::lock_guard lock{mutex_};
        under_way_ = true;
        handed_over_ = clock::now();
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
        if (auto bodies = tables_[dead ? 1 : 0].bodies(in, staged_, rec)) {
            rec.warm(std::move(*bodies));
            return true;
        }
    } catch (const std::runtime_error& e) {  // of LMDB, or of the journal
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
        if (!failing_ && staged_.nothing_kept()) {
            work_.wait(lock, ready);
        } else if (!failing_) {
            if (!work_.wait_until(lock, committed_at_ + idle, ready)) {
                lock.unlock();
                write_tables_when_idle();
                lock.lock();
                continue;
            }
        } else if (!work_.wait_until(lock, try_at_, ready)) {
            lock.unlock();
            probe();
            lock.lock();
            continue;
        }
        if (!under_way_) break;
        // A store whose writes fail is not asked more often than that.
        if (broken_) work_.wait_until(lock, try_at_, [&] { return stopping_; });
        lock.unlock();
        const auto good = write();
        lock.lock();
        under_way_ = false;
        result_ = good;
        done_.notify_all();
        lock.unlock();
        tell();
        lock.lock();
    }
    if (!clean_ || broken_) return;
    try {
        write_tables(true);
    } catch (const std::runtime_error&) {
        // All commits were synced; the next opening only does not know that it was closed.
    }
}

}  // namespace leat::detail::queueing

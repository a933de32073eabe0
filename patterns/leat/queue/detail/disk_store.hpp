#pragma once

#include <leat/queue/detail/directory_lock.hpp>
#include <leat/queue/detail/file_reserve.hpp>
#include <leat/queue/detail/journal.hpp>
#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/staged_rows.hpp>
#include <leat/queue/detail/store.hpp>
#include <leat/queue/detail/store_tables.hpp>
#include <leat/queue/detail/table_handles.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>

namespace leat::detail::queueing {

struct disk_store_options {
    std::filesystem::path directory = {};              ///< Made if it is not there.
    std::string name = {};                             ///< Of the queue.
    std::uint64_t map_size = std::uint64_t{64} << 30;  ///< Bytes; the file never gets larger.
    std::uint64_t reserve = 64 << 20;  ///< Bytes of the file that are kept free for what ends (P7).
    std::uint64_t journal = 16 << 20;  ///< Bytes of the journal, at most; 0: every commit goes to the tables.
    std::chrono::nanoseconds retry =
        std::chrono::seconds{1};  ///< While writing fails: how often it is tried.
    ticks id_span = 0;            ///< How long message ids are kept,
    std::uint64_t ids = 0;        ///< and how many.
    std::function<void(const std::string&)> warn =
        {};  ///< Told of failures and their end, on the store's thread or while it is made.
};

/// The store of a queue on disk: tables in an LMDB environment, a journal in front of them, and a thread that
/// commits, each time synced. store_layout.hpp and journal.hpp have the formats.
///
/// What arrives during a commit goes out with the next (group commit). A commit goes into the journal, which
/// takes one sync and not the two of LMDB; into the tables, with all that the journal has, when it is large
/// or the journal is full, and when nothing has been committed for a second. What has ended by then never
/// gets there. An opening brings into the tables what a crash has left in the journal.
///
/// A commit that the journal does not take goes into the tables at once. One that fails there is the engine's
/// to repeat; after one whose write or sync failed the environment is closed and opened again (P8), since a
/// page cache that could not be synced is not to be trusted. While that is so, and while the reserve cannot
/// be kept, `accepts_puts` is false, commits go into the tables only, and the thread tries each second
/// whether it works again. Bodies can be fetched meanwhile. A commit that failed may be in the file all the
/// same, when only its end could not be written: the next one takes its puts out again.
class disk_store final : public store {
public:
    using queues = std::array<recovered_queue, 2>;  ///< The queue, and its dead letters.

    /// Opens the directory and reads all that is there.
    /// @throws leat::error: `store_in_use`; `store_unreadable` for a newer format, another queue or damage,
    /// and then no byte of the data is changed; `store_failed`
    explicit disk_store(disk_store_options options);

    /// Ends as `close` does, but that the next opening hears of no good order.
    ~disk_store() override { end(false); }
    disk_store(const disk_store&) = delete;
    disk_store& operator=(const disk_store&) = delete;

    /// Of this opening, whose salt is the last.
    [[nodiscard]] const store_identity& identity() const noexcept { return identity_; }
    /// The opening before this one was closed in good order, or there was none.
    [[nodiscard]] bool was_clean() const noexcept { return was_clean_; }
    /// The format that it had before this opening, if that was an older one; else 0.
    [[nodiscard]] std::uint32_t upgraded_from() const noexcept { return upgraded_from_; }
    [[nodiscard]] ticks recovered_until() const noexcept { return recovered_[0].qt; }
    /// What was found. To be called once.
    [[nodiscard]] queues take_recovered() { return std::move(recovered_); }

    /// `call` says on the store's thread that `poll` has an answer, or that puts are accepted again. To be
    /// set before the first commit.
    void on_result(std::function<void()> call) {
        const std::lock_guard lock{mutex_};
        tell_ = std::move(call);
    }

    /// Waits for the commit under way, marks the directory as closed in good order, and lets go of it.
    /// Nothing is to be called afterwards.
    void close() { end(true); }

    void commit(std::span<const commit_batch* const> batches) override;
    [[nodiscard]] std::optional<bool> poll() override;
    void wait() override;
    [[nodiscard]] bool immediate() const noexcept override { return false; }
    [[nodiscard]] bool accepts_puts() const noexcept override { return accepts_puts_; }
    [[nodiscard]] bool fetch(record& rec, bool dead) override;

    /// From the thread that calls `commit`. `live_bytes` is not known here, and `dead_bytes` are all that the
    /// messages' tables take.
    [[nodiscard]] queue_store_stat stat();

private:
    using clock = std::chrono::steady_clock;

    void look() const;
    void open();
    void begin_opening();
    void replay(lmdb::transaction& in);
    void open_journal() noexcept;
    void run();
    void end(bool clean);
    [[nodiscard]] bool write();
    [[nodiscard]] bool try_write();
    [[nodiscard]] bool write_journal();
    void write_tables(bool clean = false);
    void write_tables_when_idle();
    void journal_failed(std::string why) noexcept;
    void tell_of_journal(bool tables_good);
    void note_commit(std::uint64_t size, clock::time_point sync_from);
    void probe();
    void failed(const std::string& why);
    void failed(const lmdb::failure& why);
    void open_again() noexcept;
    void works_again();
    void tell();
    void put_commit(lmdb::transaction& in) const;
    void set_clean(lmdb::transaction& in, bool clean);

    const disk_store_options options_;
    std::optional<directory_lock> lock_;
    std::mutex opening_;  ///< Held when `env_` changes, and to read beside the thread.
    std::unique_ptr<lmdb::environment> env_;
    file_reserve reserve_;
    table_handles handles_;
    journal journal_;
    staged_rows staged_{handles_, journal_};  ///< Changed with `opening_` held.
    std::array<store_tables, 2> tables_{store_tables{0, handles_}, store_tables{1, handles_}};
    std::uint64_t last_commit_ = 0;  ///< Its number, also of one that has failed.
    bool journal_good_ = false, journal_told_ = false;
    std::string journal_failure_;         ///< That nobody has been told.
    clock::time_point try_journal_at_{};  ///< While it is not: not before that.
    std::vector<journal_place> places_;
    store_identity identity_;
    bool was_clean_ = true;
    std::uint32_t upgraded_from_ = 0;
    queues recovered_;
    std::function<void()> tell_ = [] {};

    std::array<store_changes, 2> changes_;  ///< The thread's while `under_way_`.
    std::size_t queues_changed_ = 0;
    bool failing_ = false, unreadable_ = false;
    bool broken_ = false;         ///< The last write or sync failed, or the environment could not be opened.
    clock::time_point try_at_{};  ///< While it fails: not before that.

    std::mutex mutex_;
    std::condition_variable work_, done_;
    bool under_way_ = false, stopping_ = false, clean_ = false;
    queue_store_stat figures_;  ///< Of commits.
    clock::time_point handed_over_{}, committed_at_{};
    std::optional<bool> result_;
    std::atomic<bool> accepts_puts_{true};
    std::thread thread_;
};

}  // namespace leat::detail::queueing

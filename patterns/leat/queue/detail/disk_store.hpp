#pragma once

#include <leat/queue/detail/directory_lock.hpp>
#include <leat/queue/detail/file_reserve.hpp>
#include <leat/queue/detail/lmdb.hpp>
#include <leat/queue/detail/store.hpp>
#include <leat/queue/detail/store_tables.hpp>

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
    ticks id_span = 0;                 ///< How long message ids are kept,
    std::uint64_t ids = 0;             ///< and how many.
    std::function<void(const std::string&)> warn =
        {};  ///< Told of failures and their end, on the store's thread.
};

/// The store of a queue on disk: an LMDB environment, and a thread that commits to it, each time synced.
/// store_layout.hpp has the format.
///
/// What arrives during a commit goes out with the next (group commit). A commit that fails is the engine's to
/// repeat; after one whose write or sync failed the environment is opened again first (P8), since a page
/// cache that could not be synced is not to be trusted. While that is so, and while the reserve cannot be
/// kept, `accepts_puts` is false, and the thread tries each second whether it works again.
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
    [[nodiscard]] ticks recovered_until() const noexcept { return recovered_[0].qt; }
    /// What was found. To be called once.
    [[nodiscard]] queues take_recovered() { return std::move(recovered_); }

    /// `call` says on the store's thread that `poll` has an answer. To be set before the first commit.
    void on_result(std::function<void()> call) { tell_ = std::move(call); }

    /// Waits for the commit under way, marks the directory as closed in good order, and lets go of it.
    /// Nothing is to be called afterwards.
    void close() { end(true); }

    void commit(std::span<const commit_batch* const> batches) override;
    [[nodiscard]] std::optional<bool> poll() override;
    void wait() override;
    [[nodiscard]] bool immediate() const noexcept override { return false; }
    [[nodiscard]] bool accepts_puts() const noexcept override { return accepts_puts_; }
    [[nodiscard]] bool fetch(record& rec, bool dead) override;

private:
    using clock = std::chrono::steady_clock;

    void look() const;
    void open();
    void say_what_it_is(lmdb::transaction& in);
    void begin_opening();
    void run();
    void end(bool clean);
    [[nodiscard]] bool write();
    [[nodiscard]] bool try_write();
    void probe();
    void failed(const std::string& why, bool reopen);
    void works_again();
    void set_clean(lmdb::transaction& in, bool clean);

    const disk_store_options options_;
    std::optional<directory_lock> lock_;
    std::mutex opening_;  ///< Held when `env_` changes, and to read beside the thread.
    std::unique_ptr<lmdb::environment> env_;
    file_reserve reserve_;
    std::array<store_tables, 2> tables_{store_tables{0}, store_tables{1}};
    store_identity identity_;
    bool was_clean_ = true;
    queues recovered_;
    std::function<void()> tell_ = [] {};

    std::array<store_changes, 2> changes_;  ///< The thread's while `under_way_`.
    std::size_t queues_changed_ = 0;
    bool failing_ = false, unreadable_ = false;
    clock::time_point try_at_{};  ///< While it fails: not before that.

    std::mutex mutex_;
    std::condition_variable work_, done_;
    bool under_way_ = false, stopping_ = false, clean_ = false;
    std::optional<bool> result_;
    std::atomic<bool> accepts_puts_{true};
    std::thread thread_;
};

}  // namespace leat::detail::queueing

#pragma once

#include <leat/queue/detail/disk_store.hpp>
#include <leat/queue/detail/engine.hpp>
#include <leat/queue/detail/loop_call.hpp>
#include <leat/queue/detail/peer_session.hpp>
#include <leat/queue/detail/recent_counts.hpp>
#include <leat/queue/detail/sink.hpp>
#include <leat/queue/detail/store.hpp>
#include <leat/queue/detail/wire_admin.hpp>
#include <leat/queue/queue_opening.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leat::detail {

class queue_host;

/// One queue of an endpoint, or its dead letters: the engine, and between it and the sessions what has to be
/// sent to them. For the loop's thread.
class hosted_queue final : public queueing::sink {
public:
    /// Without a store it is in memory.
    hosted_queue(queue_host& host, std::string name, const queue_rules& rules,
                 std::unique_ptr<queueing::disk_store> disk);
    ~hosted_queue() override;
    hosted_queue(const hosted_queue&) = delete;
    hosted_queue& operator=(const hosted_queue&) = delete;

    /// The dead letters of `of`, which drives them.
    explicit hosted_queue(hosted_queue& of);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] queueing::engine& engine() noexcept { return engine_; }
    [[nodiscard]] const queueing::engine& engine() const noexcept { return engine_; }

    /// Null where there are none, and for the dead letters themselves.
    [[nodiscard]] const std::shared_ptr<hosted_queue>& dead() const noexcept { return dead_; }

    /// The queue whose dead letters these are, or this one.
    [[nodiscard]] hosted_queue& main_queue() noexcept { return main_ != nullptr ? *main_ : *this; }
    [[nodiscard]] bool is_dead() const noexcept { return main_ != nullptr; }
    [[nodiscard]] queue_stat stat();
    [[nodiscard]] queue_store_stat store_stat();
    [[nodiscard]] std::uint64_t in_flight() const noexcept {
        return engine_.depth().in_flight + (dead_ ? dead_->in_flight() : 0);
    }

    /// Nothing is in flight, and what consumers have settled is committed, as long as the disk lets it.
    [[nodiscard]] bool idle() const noexcept;

    [[nodiscard]] const queue_opening& opened() const noexcept { return opened_; }
    [[nodiscard]] bool on_disk() const noexcept { return disk_ != nullptr; }

    /// Commits what is not committed yet, and closes the store, once it has left its host. Blocks for two
    /// commits at the most.
    void finish();

    /// Does it, and runs a pass soon.
    wire::done operate(const wire::operate& what);

    /// The messages that may be handed out first, and the letters that are selected, with the view of each
    /// body.
    void peek(std::uint64_t most,
              const std::function<void(wire::waiting&&, std::span<const std::byte> body)>& visit);
    void letters(const wire::selection& which, std::uint64_t most,
                 const std::function<void(wire::letter&&, std::span<const std::byte> body)>& visit);

    void decided(const queueing::verdict_range& verdicts) override;
    void deliver(std::uint32_t holder, std::span<const queueing::delivery_view> batch) override;
    void committed(std::uint64_t outcomes) override;
    void consumer_lost(std::uint32_t holder) override;
    void delivery_lost(std::uint32_t holder, std::uint64_t d) override;
    void consumer_active(std::uint32_t) override { state_changed_ = true; }
    void producer_parked(std::uint32_t producer, bool parked) override;

    /// Sends deliveries that were held back so that more might go with them.
    void send_deliveries();

    /// Tells sessions of a pause and its end, and who is active.
    void tell_state();
    void state_changed() noexcept { state_changed_ = true; }
    [[nodiscard]] std::uint8_t state_of(const peer_session& of);

    /// Releases what could not be sent. At the beginning of a pass.
    void release_unsent();

    using sessions = std::unordered_map<std::uint32_t, session_ptr>;
    sessions consumers, producers;         ///< By the engine's handle.
    std::vector<session_ptr> uncommitted;  ///< Consumers whose outcomes are not all committed.
    bool in_pass = false, has_more = false;
    recent_counts recent;
    queue_batches put_batches, delivery_batches, settle_batches;
    queueing::ticks deadline = 0;                    ///< Of its next pass.
    std::uint64_t window = 0;                        ///< Bytes of a producer's credit.
    std::vector<std::shared_ptr<end_of>> when_idle;  ///< Dropped as soon as nothing is in flight.

private:
    void recover();
    void start(session_ptr to, std::span<const queueing::delivery_view> batch);

    queue_host& host_;
    const std::string name_;
    std::unique_ptr<queueing::disk_store> disk_;
    queueing::memory_store memory_;
    std::unique_ptr<queueing::engine> own_;
    queueing::engine& engine_;
    hosted_queue* const main_ = nullptr;
    std::shared_ptr<hosted_queue> dead_;
    queue_opening opened_;
    bool state_changed_ = false;

    // The DELIVER that is being put together.
    session_ptr to_;
    std::uint32_t to_holder_ = queueing::none;
    wire::deliver frame_;
    message block_;
    const std::byte *from_ = nullptr, *end_ = nullptr;
    std::uint64_t last_seq_ = 0;
    bool in_sequence_ = true, shared_ = false;
    std::vector<std::pair<std::uint32_t, queueing::number_range>> unsent_;
};

}  // namespace leat::detail

#pragma once

#include <leat/queue/detail/engine.hpp>
#include <leat/queue/detail/loop_call.hpp>
#include <leat/queue/detail/peer_session.hpp>
#include <leat/queue/detail/sink.hpp>
#include <leat/queue/detail/store.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leat::detail {

class queue_host;

/// One queue of an endpoint: its engine, and between the engine and the sessions what has to be sent to them.
/// For the loop's thread.
class hosted_queue final : public queueing::sink {
public:
    hosted_queue(queue_host& host, std::string name, const queue_rules& rules);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] queueing::engine& engine() noexcept { return engine_; }
    [[nodiscard]] const queueing::opening& begin() const noexcept { return begin_; }

    void decided(const queueing::verdict_range& verdicts) override;
    void deliver(std::uint32_t holder, std::span<const queueing::delivery_view> batch) override;
    void committed(std::uint64_t) override {}
    void consumer_lost(std::uint32_t holder) override;
    void consumer_active(std::uint32_t) override {}
    void producer_parked(std::uint32_t producer, bool parked) override;

    /// Sends deliveries that were held back so that more might go with them.
    void send_deliveries();

    /// Releases what could not be sent. At the beginning of a pass.
    void release_unsent();

    std::unordered_map<std::uint32_t, session_ptr> consumers, producers;  ///< By the engine's handle.
    bool in_pass = false, puts_paused = false, takes_paused = false;
    queueing::ticks deadline = 0;       ///< Of its next pass.
    std::uint64_t window = 0;           ///< Bytes of a producer's credit.
    std::shared_ptr<end_of> when_idle;  ///< Dropped as soon as nothing is in flight.

private:
    void start(session_ptr to, std::span<const queueing::delivery_view> batch);

    queue_host& host_;
    const std::string name_;
    queueing::memory_store store_;
    const queueing::opening begin_;
    queueing::engine engine_;

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

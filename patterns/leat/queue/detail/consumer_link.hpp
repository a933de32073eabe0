#pragma once

#include <leat/queue/detail/client_link.hpp>
#include <leat/queue/detail/consumer_core.hpp>
#include <leat/queue/detail/ring.hpp>
#include <leat/queue/detail/slab.hpp>

#include <array>
#include <atomic>
#include <deque>
#include <optional>
#include <stop_token>
#include <vector>

namespace leat::detail {

/// A consumer's session, its buffer, and what it has not settled yet.
class consumer_link final : public client_link {
public:
    consumer_link(context& ctx, const endpoint& at, consumer_options options);

    void begin_stop();
    [[nodiscard]] leat::status next(taken_delivery& into, deadline until);
    void settle(const taken_delivery& which, std::uint8_t what, std::optional<std::chrono::nanoseconds> delay,
                std::string text);
    void extend(const taken_delivery& which);
    [[nodiscard]] bool lost(const taken_delivery& which);
    void count_settled_twice() noexcept { settled_twice_.fetch_add(1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t settled_twice() const noexcept { return settled_twice_; }
    [[nodiscard]] std::uint64_t floor();
    void stop(deadline hears_until);
    status close(deadline until);
    [[nodiscard]] std::chrono::milliseconds linger() const noexcept { return options_.linger; }

protected:
    void greet(wire::hello& frame) override;
    bool welcomed(const wire::welcome& frame) override;
    void session_ended() override;
    bool received(wire::command what, std::span<const std::byte> header, message& body) override;
    void heard_up_to(std::uint64_t counter) override;
    void tick(time now) override;
    [[nodiscard]] bool goes_on() const noexcept override { return pending_count_ > 0; }
    void ended() override;

private:
    /// After the end of its lease, or of its session, an outcome goes to the queue all the same (row 11).
    enum class where : std::uint8_t { nowhere, buffer, user, user_after_lease, user_after_loss };

    /// A delivery of which the queue thinks that it is here.
    struct slot {
        std::uint64_t d = 0, seq = 0, opening = 0;
        std::shared_ptr<const delivered_frame> frame;
        std::span<const std::byte> head, body;
        std::uint32_t attempts = 0, deliveries = 0, generation = 0;
        std::optional<std::uint64_t> ttl_left = {};
        where is = where::nowhere;
        time since{};  ///< Taken.
        [[nodiscard]] std::size_t bytes() const noexcept { return head.size() + body.size(); }
    };
    struct unheard {
        std::uint64_t counter;
        std::vector<wire::settlement> groups;
    };
    struct place {
        std::uint32_t slot, generation;
    };

    [[nodiscard]] slot* find(const taken_delivery& which);
    void record(std::uint64_t d, std::uint8_t what, std::optional<std::uint64_t> delay, std::string&& text);
    void free_slot(std::uint32_t i);
    void lose(std::uint32_t i, where then);
    template <class Use>
    void each_held(const wire::ranges& among, Use use);
    void leases_ended(const wire::ranges& all);
    void lose_all(const wire::ranges& all);
    void pump();
    void send_settle();
    void send_credit();
    bool on_deliver(std::span<const std::byte> header, message& body);
    void release_buffer();
    [[nodiscard]] wire::ranges held() const;

    const consumer_options options_;
    queueing::slab<slot> slots_;
    std::array<queueing::ring<place>, 10> buffer_;
    std::size_t buffered_ = 0, held_ = 0, held_bytes_ = 0, taken_ = 0;
    /// Of the opening that admitted it.
    [[nodiscard]] std::uint64_t salt_of(std::uint64_t seq) const noexcept;

    std::uint64_t opening_ = 0, salt_ = 0, floor_ = 0;
    std::vector<wire::salted> salts_;
    id128 queue_id_ = {};

    std::vector<wire::settlement> pending_;  ///< Not sent yet. The first is of acks, if any.
    std::size_t pending_count_ = 0;
    std::deque<unheard> unheard_;
    std::uint64_t settle_counter_ = 0;  ///< The counter of the last SETTLE, until it was heard.

    std::uint64_t got_messages_ = 0, got_bytes_ = 0;  ///< In this session, as the credit.
    std::uint64_t credit_messages_ = 0, credit_bytes_ = 0;
    time extended_{};
    std::size_t waiting_ = 0, closing_ = 0;
    bool stopped_ = false;
    std::atomic<std::uint64_t> settled_twice_{0};
    wire::deliver frame_;
    std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace leat::detail

#pragma once

#include <leat/queue/detail/callback_runner.hpp>
#include <leat/queue/detail/client_link.hpp>
#include <leat/queue/detail/put_batch.hpp>

#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace leat::detail {

/// A producer's session, and what it has put and not been told the verdict of.
///
/// All puts up to `decided_` have their verdict, since a queue gives them in order (I13).
class producer_link final : public client_link {
public:
    producer_link(context& ctx, const endpoint& at, producer_options options);

    [[nodiscard]] lock take() { return lock{mutex_}; }
    [[nodiscard]] leat::status wait_for_room(lock& held, deadline until);
    [[nodiscard]] buffer& open_batch();
    void added(lock& held, std::size_t before, const put_options& how, put_waiter waiter,
               const put_mark* mark);
    [[nodiscard]] std::size_t flush(deadline until);
    [[nodiscard]] std::vector<refused_put> take_refused();
    [[nodiscard]] std::size_t unconfirmed();
    [[nodiscard]] std::chrono::milliseconds linger() const noexcept { return options_.linger; }
    void close(deadline until);

protected:
    void greet(wire::hello& frame) override;
    bool welcomed(const wire::welcome& frame) override;
    void session_ended() override;
    bool received(wire::command what, std::span<const std::byte> header, message& body) override;
    void tick(time now) override;
    [[nodiscard]] bool goes_on() const noexcept override {
        return waiters_ > 0 || open_->messages() > 0 || unsent_ < batches_.size();
    }
    void ended() override;
    void run_ready() override;

private:
    [[nodiscard]] bool full() const noexcept;
    [[nodiscard]] bool has_room() const noexcept;
    [[nodiscard]] std::uint64_t undecided() const noexcept { return last_ - decided_ + again_.size(); }
    [[nodiscard]] std::size_t batch_bytes() const noexcept;
    [[nodiscard]] bool holds_back() const noexcept { return options_.in_order && !again_.empty(); }
    [[nodiscard]] bool fits(const put_batch& batch);
    void pump();
    void seal();
    std::unique_ptr<put_batch> another_batch();
    bool send_batch(put_batch& batch);
    void ask_for_room(const put_batch& batch);
    void refuse_too_large();
    [[nodiscard]] std::unique_ptr<put_batch> rest_of(put_batch& batch, std::uint64_t most);
    void number_anew();
    void put_again();
    void put_again_in_order();

    // producer_verdicts.cpp
    bool take_confirm();
    bool take_welcome(const wire::welcome& frame);
    bool decide(std::uint64_t first, std::uint64_t last, verdict what, put_refusal why,
                const std::string& text, std::uint64_t seq = 0);
    void refuse(again_put&& one, put_refusal why, const std::string& text);
    void tell(put_waiter& waiter, put_result result);

    static constexpr std::size_t frames_before_gathering = 4;

    const producer_options options_;
    const std::weak_ptr<callback_runner> callbacks_;
    std::deque<std::unique_ptr<put_batch>> batches_;  ///< Sealed; those before `unsent_` are under way.
    std::size_t unsent_ = 0;
    std::unique_ptr<put_batch> open_ = std::make_unique<put_batch>();
    std::vector<std::unique_ptr<put_batch>> spare_;
    std::uint64_t last_ = 0, decided_ = 0;
    std::size_t bytes_ = 0;  ///< Of all that has no verdict.
    std::uint64_t sent_ = 0, granted_ = 0, window_ = 0, needed_ = 0;
    std::size_t waiting_for_room_ = 0, flushing_ = 0;
    std::size_t waiters_ = 0;  ///< Who are to be told a verdict.
    std::deque<refused_put> refused_;
    std::vector<again_put> again_;
    std::vector<std::pair<put_waiter, put_result>> ready_;
    wire::confirm confirm_;
    wire::refuse refuse_;
};

}  // namespace leat::detail

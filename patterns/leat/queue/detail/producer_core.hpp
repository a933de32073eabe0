#pragma once

#include <leat/buffer.hpp>
#include <leat/context.hpp>
#include <leat/endpoint.hpp>
#include <leat/message.hpp>
#include <leat/queue/producer_options.hpp>
#include <leat/queue/queue_types.hpp>
#include <leat/status.hpp>

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace leat::detail {

class producer_link;

/// Who is told of one put's verdict: a future, or a function that runs on the context's callback thread.
struct put_waiter {
    std::shared_ptr<std::promise<put_result>> promise = {};
    std::function<void(const put_result&)> call = {};
    [[nodiscard]] bool any() const noexcept { return promise || call; }
};

/// Of which message one is made that a transfer or a stage puts (U6).
struct put_mark {
    message_origin from = {};
    std::uint64_t floor = 0;  ///< What is below has ended at its source.
};

/// A put that was refused, still encoded.
struct refused_put {
    std::vector<std::byte> body;
    put_options how;
    put_refusal why = put_refusal::none;
    std::string text;
};

/// The untyped part of a producer.
class producer_core {
public:
    producer_core(context& ctx, const endpoint& at, producer_options options);
    ~producer_core();
    producer_core(const producer_core&) = delete;
    producer_core& operator=(const producer_core&) = delete;

    /// Adds one message, whose bytes `encode(buffer&)` appends, to the open batch. Waits for room.
    template <class Encode>
    [[nodiscard]] status add(deadline until, const put_options& how, put_waiter waiter, const Encode& encode,
                             const put_mark* mark = nullptr) {
        auto held = lock();
        if (const auto why = wait_for_room(held, until); why != status::ok) return why;
        auto& open = open_batch();
        const auto before = open.size();
        encode(open);
        added(held, before, how, std::move(waiter), mark);
        return status::ok;
    }

    [[nodiscard]] std::size_t flush(deadline until);
    [[nodiscard]] std::vector<refused_put> take_refused();
    [[nodiscard]] std::size_t unconfirmed() const;
    [[nodiscard]] status wait_ready(deadline until);
    [[nodiscard]] session_state state() const;
    /// How safe a confirm is; nothing before the queue has answered.
    [[nodiscard]] std::optional<durability> promise() const;
    void close(deadline until);

private:
    [[nodiscard]] std::unique_lock<std::mutex> lock();
    [[nodiscard]] status wait_for_room(std::unique_lock<std::mutex>& held, deadline until);
    [[nodiscard]] buffer& open_batch();
    void added(std::unique_lock<std::mutex>& held, std::size_t before, const put_options& how,
               put_waiter waiter, const put_mark* mark);

    std::shared_ptr<producer_link> link_;
};

}  // namespace leat::detail

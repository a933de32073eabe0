#pragma once

#include <leat/context.hpp>
#include <leat/endpoint.hpp>
#include <leat/message.hpp>
#include <leat/queue/consumer_options.hpp>
#include <leat/queue/queue_types.hpp>
#include <leat/status.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace leat::detail {

class consumer_link;

/// The frames of one DELIVER; its deliveries share it.
struct delivered_frame {
    message header, body;
};

/// A delivery that user code has.
struct taken_delivery {
    std::shared_ptr<consumer_link> link = {};
    std::shared_ptr<const delivered_frame> frame = {};
    std::span<const std::byte> head = {}, body = {};
    std::uint64_t d = 0;
    message_origin origin = {};
    std::uint64_t opening = 0;
    std::uint32_t slot = 0, generation = 0;
    std::uint32_t attempts = 0, deliveries = 0;
    std::optional<std::uint64_t> ttl_left = {};  ///< ms, when it was handed out.
};

void settle(const taken_delivery& which, outcome what, std::optional<std::chrono::nanoseconds> delay = {},
            std::string text = {});
void extend(const taken_delivery& which);
[[nodiscard]] bool lost(const taken_delivery& which);
void settled_twice(const taken_delivery& which);
[[nodiscard]] put_options attributes_of(const taken_delivery& which);

/// The untyped part of a consumer.
class consumer_core {
public:
    consumer_core(context& ctx, const endpoint& at, consumer_options options);
    ~consumer_core();
    consumer_core(const consumer_core&) = delete;
    consumer_core& operator=(const consumer_core&) = delete;

    [[nodiscard]] status next(taken_delivery& into, deadline until);
    [[nodiscard]] status wait_ready(deadline until);
    [[nodiscard]] session_state state() const;
    [[nodiscard]] std::uint64_t settled_twice() const;
    /// What was admitted before has ended, as the queue has said last: for a `put_mark`.
    [[nodiscard]] std::uint64_t floor() const;
    [[nodiscard]] std::optional<durability> promise() const;
    void stop();
    status close(deadline until);

    /// Calls `work` on `workers` threads, and returns when all have returned.
    static void run_workers(std::size_t workers, const std::function<void()>& work);

private:
    std::shared_ptr<consumer_link> link_;
};

}  // namespace leat::detail

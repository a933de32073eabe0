#pragma once

#include <leat/message.hpp>
#include <leat/pubsub/subscribe_options.hpp>
#include <leat/socket.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace leat::detail {

/// The untyped part of a subscriber: a SUB socket, its patterns, and how far each publisher was followed.
class subscribe_channel {
public:
    subscribe_channel(context& ctx, subscribe_options options);
    ~subscribe_channel();

    void subscribe(std::string_view pattern);
    void unsubscribe(std::string_view pattern);
    [[nodiscard]] status wait_ready(std::size_t n, deadline until);

    /// Waits for the next publication that is to be given.
    [[nodiscard]] status next(deadline until);

    // The one that `next` found, valid until the next call.
    struct found {
        std::string_view topic;
        message* body = nullptr;  // null: there is none
        std::uint64_t publisher = 0;
        std::uint64_t sequence = 0;  // of the first message of the body; 0: not numbered
        std::uint64_t skip = 0;      // messages at the beginning that have come before
        bool last_value = false;
    };
    [[nodiscard]] const found& current() const noexcept;

    /// Counts an object of the body; the first was counted when it was received.
    void count_object() noexcept;

    /// Counts how the body has ended.
    void end_body(decode_error error) noexcept;

    void close() noexcept;

    [[nodiscard]] socket& in() noexcept;
    [[nodiscard]] const socket& in() const noexcept;
    [[nodiscard]] const endpoints& bound() const noexcept;
    [[nodiscard]] const subscription_metrics& seen() const noexcept;

private:
    class state;
    std::unique_ptr<state> state_;
};

}  // namespace leat::detail

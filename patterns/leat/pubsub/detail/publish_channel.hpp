#pragma once

#include <leat/buffer.hpp>
#include <leat/context.hpp>
#include <leat/message.hpp>
#include <leat/monitor.hpp>
#include <leat/pubsub/publish_metrics.hpp>
#include <leat/pubsub/publish_options.hpp>
#include <leat/status.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace leat::detail {

class publish_state;

/// The untyped part of a publisher: a handle to the state that it shares with the context's loop.
class publish_channel {
public:
    /// Appends the value's bytes.
    using encoder = void (*)(const void* value, buffer& to);

    publish_channel(context& ctx, const publish_options& options);
    ~publish_channel();
    publish_channel(publish_channel&&) noexcept;
    publish_channel& operator=(publish_channel&&) noexcept;

    [[nodiscard]] status publish(std::string_view topic, const void* value, encoder encode, deadline until);
    [[nodiscard]] status publish(std::string_view topic, message& body, deadline until);

    [[nodiscard]] status wait_subscribers(std::string_view topic, std::size_t n, deadline until);
    [[nodiscard]] std::size_t subscribers(std::string_view topic);
    [[nodiscard]] status flush(deadline until);
    void close() noexcept;

    [[nodiscard]] std::uint64_t id() const noexcept;
    [[nodiscard]] std::uint64_t pending() const noexcept;
    [[nodiscard]] const endpoints& bound() const noexcept;
    [[nodiscard]] const metrics& counts() const noexcept;
    [[nodiscard]] const publish_metrics& answers() const noexcept;
    [[nodiscard]] monitor& peers() const noexcept;

private:
    std::shared_ptr<publish_state> state_;
};

}  // namespace leat::detail

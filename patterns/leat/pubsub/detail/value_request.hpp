#pragma once

#include <leat/deadline.hpp>
#include <leat/pubsub/detail/wire.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace leat {
class socket;
}

namespace leat::detail {

/// A subscriber's ask for last values: two private subscriptions that stay, so that publishers that come
/// later are asked as well, and that are renewed, with a new nonce, when an answer is missing.
class value_request {
public:
    explicit value_request(socket& in) : in_(in) {}

    void ask(char separator, const std::vector<std::string>& patterns);

    /// When to ask again.
    [[nodiscard]] deadline due() const noexcept { return due_; }

    void ask_now() noexcept { due_ = deadline::now(); }

    /// An answer is missing: asks again, later each time.
    void expect_answer();

    /// All that were heard of have answered.
    void answered() noexcept;

    [[nodiscard]] bool is_answer(std::string_view topic) const noexcept { return topic == values_topic_; }
    [[nodiscard]] nonce current() const noexcept { return nonce_; }

private:
    static constexpr std::chrono::milliseconds first_pause{250}, longest_pause{5000};

    socket& in_;
    nonce nonce_ = 0;
    std::string values_topic_, ask_topic_;
    deadline due_ = deadline::never();
    std::chrono::milliseconds pause_ = first_pause;
};

}  // namespace leat::detail

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

    void ask(char separator, std::vector<std::string> patterns);

    /// The subscription that asks one publisher for what follows.
    [[nodiscard]] std::string ask_for_part(std::uint64_t publisher, std::uint64_t from) const;

    /// When to ask again.
    [[nodiscard]] deadline due() const noexcept { return at_once_ ? deadline::now() : due_; }

    /// The patterns have changed, or a connection was lost.
    void renew() noexcept { at_once_ = true; }
    [[nodiscard]] bool is_stale() const noexcept { return at_once_; }

    /// An answer is missing: asks again, later each time, and for smaller parts.
    void expect_answer();

    /// One has come; there is the same time for the next.
    void heard() noexcept;

    /// All that were heard of have answered.
    void answered() noexcept;

    [[nodiscard]] bool is_answer(std::string_view topic) const noexcept { return topic == values_topic_; }
    [[nodiscard]] nonce current() const noexcept { return asked_.one; }

private:
    static constexpr std::chrono::milliseconds first_pause{250}, longest_pause{5000};
    static constexpr std::uint32_t largest_part = 2048, smallest_part = 16;

    socket& in_;
    question asked_;
    std::string values_topic_, ask_topic_;
    bool at_once_ = false;
    deadline due_ = deadline::never();
    std::chrono::milliseconds pause_ = first_pause;
    std::uint32_t part_ = largest_part;
};

}  // namespace leat::detail

#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace leat::detail {

/// The least subscriptions that cover a set of prefixes: none of them begins with another.
///
/// So each topic comes through one subscription of a socket, and a publisher that counts subscriptions counts
/// subscribers.
class prefix_cover {
public:
    using action = std::function<void(std::string_view)>;

    prefix_cover(action subscribe, action unsubscribe)
        : subscribe_(std::move(subscribe)), unsubscribe_(std::move(unsubscribe)) {}

    /// The same prefix may be wanted several times.
    void add(std::string_view prefix);
    void remove(std::string_view prefix);

private:
    struct wish {
        std::size_t times = 0;
        bool subscribed = false;
    };

    [[nodiscard]] bool covered(std::string_view prefix) const;

    const action subscribe_, unsubscribe_;
    std::map<std::string, wish, std::less<>> wanted_;
};

}  // namespace leat::detail

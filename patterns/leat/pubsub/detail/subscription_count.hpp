#pragma once

#include <leat/pubsub/detail/text_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace leat::detail {

/// How many subscriptions cover a topic, by what the peers of an XPUB say.
class subscription_count {
public:
    /// Prefixes remembered; further ones do not count.
    static constexpr std::size_t most = 1'000'000;

    void add(std::string_view prefix);
    void remove(std::string_view prefix);

    [[nodiscard]] std::size_t covering(std::string_view topic) const;

private:
    text_map<std::uint32_t> times_;
};

}  // namespace leat::detail

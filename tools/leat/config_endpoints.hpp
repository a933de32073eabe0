#pragma once

#include <leat/endpoint.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace leat::command {

/// False for an endpoint of which the system picks another one each time.
[[nodiscard]] bool is_fixed(const endpoint& at);

/// Which endpoints a configuration file binds, and by whom: each relay has its own, queues share theirs.
class config_endpoints {
public:
    enum class owner { relay, queue };

    /// @throws usage_error naming the line of the other one, when `at` is taken. One that is not fixed never
    /// is.
    void bind(const endpoint& at, owner who, std::size_t line);

private:
    std::map<std::string, std::pair<owner, std::size_t>> bound_;
};

}  // namespace leat::command

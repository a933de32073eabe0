#pragma once

#include <leat/endpoint.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace leat::command {

/// False for an endpoint of which the system picks another one each time.
[[nodiscard]] bool is_fixed(const endpoint& at);

/// Which endpoints a configuration file binds, and by whom: queues share theirs, all others have their own.
class config_endpoints {
public:
    enum class owner { relay, queue, edge };

    /// @throws usage_error naming the line of the other one, when `at` is taken. One that is not fixed never
    /// is.
    void bind(const endpoint& at, owner who, std::size_t line);

private:
    std::map<std::string, std::pair<owner, std::size_t>> bound_;
};

}  // namespace leat::command

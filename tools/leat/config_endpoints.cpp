#include "config_endpoints.hpp"

#include "exit_code.hpp"

namespace leat::command {

bool is_fixed(const endpoint& at) {
    return at.str() != "ipc://*" && !at.str().ends_with(":*");
}

void config_endpoints::bind(const endpoint& at, owner who, std::size_t line) {
    if (!is_fixed(at)) return;
    const auto [found, is_new] = bound_.try_emplace(at.str(), who, line);
    const auto [other, there] = found->second;
    if (is_new || (who == owner::queue && other == owner::queue)) return;
    const std::string names[] = {"relay", "queue", "queue's edge"};
    throw usage_error{at.str() + " is bound by the " + names[static_cast<std::size_t>(other)] + " of line " +
                      std::to_string(there) + " already; only queues share an endpoint"};
}

}  // namespace leat::command

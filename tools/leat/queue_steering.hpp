#pragma once

#include "queue_peer.hpp"

#include <leat/context.hpp>
#include <leat/queue/queue_admin.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace leat::command {

/// What the subcommands that look into a queue or steer it have in common.
struct steering {
    queue_peer of;
    std::chrono::microseconds timeout = std::chrono::seconds{10};
    bool json = false;
};

/// Does the work of a subcommand; what it returns is printed on standard output.
using steered = std::function<std::string(queue_admin&, const steering&)>;

/// Adds such a subcommand.
CLI::App& add_steering(CLI::App& app, const std::string& name, const std::string& about, std::string examples,
                       steered work, action& chosen);

/// The value of an answer. @throws failure when there is none
template <class Value>
[[nodiscard]] Value answered(result<Value>&& answer, const steering& how);

void must_be_answered(status how, const steering& of);

template <class Value>
Value answered(result<Value>&& answer, const steering& how) {
    must_be_answered(answer ? status::ok : answer.why(), how);
    return std::move(*answer);
}

}  // namespace leat::command

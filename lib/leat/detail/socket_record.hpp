#pragma once

#include <leat/detail/send_meter.hpp>
#include <leat/metrics.hpp>
#include <leat/monitor.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace leat::detail {

/// What the context remembers of one socket, for as long as libzmq may still hold messages of it.
struct socket_record {
    std::string role;
    std::vector<std::string> endpoints;  // guarded by the context's mutex
    std::atomic<std::thread::id> owner;
    std::shared_ptr<send_meter> meter = std::make_shared<send_meter>();
    std::shared_ptr<metrics> counts = std::make_shared<metrics>();
    std::shared_ptr<monitor> peers = std::make_shared<monitor>(counts);
    bool open = true;  // guarded by the context's mutex
};

}  // namespace leat::detail

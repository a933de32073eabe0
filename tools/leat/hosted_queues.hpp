#pragma once

#include "console.hpp"
#include "exit_code.hpp"

#include <leat/queue/queue.hpp>

#include <map>
#include <string>
#include <vector>

namespace leat::command {

/// The queues that a process serves, from their opening to their close. For one thread.
class hosted_queues {
public:
    /// Both must live as long as this does.
    hosted_queues(context& ctx, console& err) : ctx_(ctx), err_(err) {}

    /// Opens one, tells what was in its directory, and returns where it is bound.
    /// @throws leat::error as `queue` does
    endpoint open(queue_options options);

    /// Closes all of them at once, each within its own deadline, and tells of what consumers still held and
    /// of what is gone with a queue in memory. `failed` when some were held up.
    [[nodiscard]] exit_code close() noexcept;

private:
    struct hosted {
        queue it;
        bool on_disk;
        queue_rules::duration close_deadline;
    };

    exit_code close(hosted& one) noexcept;

    context& ctx_;
    console& err_;
    std::vector<hosted> all_;
    std::map<std::string, std::string> bound_;  // by what was asked for
};

}  // namespace leat::command

#pragma once

#include "console.hpp"
#include "exit_code.hpp"

#include <leat/context.hpp>
#include <leat/queue/edge.hpp>
#include <leat/queue/transfer.hpp>

#include <string>
#include <vector>

namespace leat::command {

/// The transfers and edges that a process runs, from their beginning to their end. For one thread.
class moving {
public:
    /// Both must live as long as this does.
    moving(context& ctx, console& err) : ctx_(ctx), err_(err) {}

    /// Begins one, and tells of it. @throws leat::error as `transfer` does
    void begin(const transfer_options& options);
    void begin(const edge_options& options);  ///< The same for an edge.

    /// Ends all of them at once, each within its linger, and tells what they have moved. `failed` when some
    /// of it had no answer.
    [[nodiscard]] exit_code close() noexcept;

private:
    struct running {
        transfer it;
        transfer_options how;
    };

    struct running_edge {
        edge it;
        std::string name;
        edge_options how;
    };

    exit_code close(running& one) noexcept;
    exit_code close(running_edge& one) noexcept;

    context& ctx_;
    console& err_;
    std::vector<running> all_;
    std::vector<running_edge> edges_;
};

}  // namespace leat::command

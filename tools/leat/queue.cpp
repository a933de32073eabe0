#include "queue_subcommands.hpp"
#include "subcommands.hpp"

namespace leat::command {

void declare_queue(CLI::App& app, action& chosen) {
    auto& sub = add_group(
        app, "queue", "Serve a queue, look into one, or steer it",
        "Examples:\n"
        "  leat queue serve -b tcp://127.0.0.1:5600 --name thumbs\n"
        "  leat queue stat -c tcp://127.0.0.1:5600 thumbs\n\n"
        "leat queue SUBCOMMAND --help tells of each one. leat put and leat take work with its messages.");
    declare_queue_serve(sub, chosen);
    declare_queue_looks(sub, chosen);
    declare_queue_changes(sub, chosen);
}

}  // namespace leat::command

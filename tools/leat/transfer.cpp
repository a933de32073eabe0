#include "config_faults.hpp"
#include "moving.hpp"
#include "parse.hpp"
#include "peers.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>

#include <memory>
#include <utility>

namespace leat::command {
namespace {

struct transfer_arguments {
    std::string from, to;
    transfer_options how = {.name = "transfer"};
};

/// "tcp://127.0.0.1:5600,jobs"
queue_address parse_address(const std::string& what, const std::string& text) {
    const auto comma = text.rfind(',');
    if (comma == std::string::npos || comma + 1 == text.size())
        throw usage_error{what + " is " + in_quotes(text) +
                          "; it is an endpoint and a queue: tcp://127.0.0.1:5600,jobs"};
    const auto at = parse_endpoint(what, text.substr(0, comma));
    if (at.is_wildcard())
        throw usage_error{what + " is " + in_quotes(text) +
                          "; a * can only be bound: name what the queue has bound"};
    return {at.str(), text.substr(comma + 1)};
}

exit_code run(const transfer_options& how, environment& env) {
    context ctx{{.on_warning = [&env](const std::string& text) { env.err.say(text); }}};
    moving all{ctx, env.err};
    all.begin(how);
    wait_for(env.stop);
    return all.close();
}

}  // namespace

void declare_transfer(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<transfer_arguments>();
    auto& sub = add_subcommand(
        app, "transfer", "Move messages from one queue to another, each stored once, until stopped",
        "  leat transfer ipc:///run/outbox.sock,orders tcp://10.0.0.7:5600,orders\n"
        "  leat transfer tcp://127.0.0.1:5600,jobs.dead tcp://127.0.0.1:5600,review --name to-review\n",
        [args]() -> action {
            if (args->from.empty() || args->to.empty()) throw usage_error{"needs FROM and TO"};
            args->how.from = parse_address("FROM", args->from);
            args->how.to = parse_address("TO", args->to);
            args->how.check();
            return [how = args->how](environment& env) { return run(how, env); };
        },
        chosen);
    add_argument(sub, "FROM", args->from, "ENDPOINT,QUEUE: what is moved is acked there once TO has it");
    add_argument(sub, "TO", args->to, "ENDPOINT,QUEUE: repeats are known there by --name, and stored once");
    add_value(sub, "--name", "NAME",
              "What TO knows this transfer by; the same in all that share the work (transfer)",
              [args](const auto& text) { args->how.name = text; });
    add_flag(sub, "--weaker-ok", args->how.weaker_ok, "TO may promise less than FROM: be in memory, for one");
    add_value(sub, "--linger", "TIME", "How long to wait for what is under way after a signal (1s)",
              [args](const auto& text) { args->how.linger = parse_linger("--linger", text); });
}

}  // namespace leat::command

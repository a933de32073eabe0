#include "forwarder_config.hpp"
#include "hosted_queues.hpp"
#include "moving.hpp"
#include "parse.hpp"
#include "peers.hpp"
#include "relay_sides.hpp"
#include "stats.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>
#include <leat/error.hpp>
#include <leat/forwarder/forwarder.hpp>

#include <algorithm>
#include <array>
#include <thread>

namespace leat::command {
namespace {

struct forward_arguments {
    std::array<relay_options, all_relay_sides.size()> relays;
    relay_options::side capture;
    std::size_t coalesce = 0;
    bool insecure = false;
    std::optional<std::chrono::microseconds> stats;
    std::chrono::milliseconds drain = std::chrono::seconds{1};
    std::string config;
};

std::string option(std::string_view side) {
    return "--" + std::string{side};
}

void check_binds(const relay_options::side& side, const std::string& option, bool insecure) {
    for (const auto& at : side.bind) check_bind(option, at, insecure);
}

/// The relays that have been asked for, complete.
std::vector<relay_options> relays_of(const forward_arguments& args) {
    std::vector<relay_options> all;
    for (std::size_t i = 0; i < args.relays.size(); ++i) {
        auto one = args.relays[i];
        const auto in = option(all_relay_sides[i].in), out = option(all_relay_sides[i].out);
        if (one.in.empty() && one.out.empty()) continue;
        if (one.in.empty() || one.out.empty()) {
            const auto [given, lacking] = one.in.empty() ? std::pair{out, in} : std::pair{in, out};
            throw usage_error{given + " needs " + lacking +
                              " as well: where messages come from and where they go"};
        }
        one.kind = all_relay_sides[i].kind;
        one.capture = args.capture;
        if (one.kind == relay_kind::streamer) one.coalesce = args.coalesce;
        set_sockets(one, args.insecure, args.drain);
        check_binds(one.in, in, args.insecure);
        check_binds(one.out, out, args.insecure);
        check_binds(one.capture, "--capture", args.insecure);
        all.push_back(std::move(one));
    }
    if (all.empty())
        throw usage_error{
            "needs both sides of a relay: --pull and --push, --sub and --pub, or --router and --dealer; or a "
            "file: --config"};
    if (all.size() > 1 && !args.capture.empty())
        throw usage_error{"--capture goes with one relay: start another leat forward for each of the others"};
    if (args.coalesce > 0 && args.relays[0].in.empty())
        throw usage_error{"--coalesce goes with --pull and --push only"};
    return all;
}

/// What is not a relay, ended in this order: transfers and edges take nothing any more before the queues
/// close.
struct hosted {
    hosted_queues queues;
    moving transfers;

    [[nodiscard]] exit_code close() noexcept {
        const auto moved = transfers.close();
        const auto closed = queues.close();
        return closed == exit_code::done ? moved : closed;
    }
};

/// Runs the relays until a stop; `failed` when one could not go on, or left something behind.
exit_code run_relays(forwarder& all, const forwarder_config& config, context& ctx, environment& env) {
    forwarder_report report;
    {
        std::optional<stats> lines;
        if (config.stats) lines.emplace(env, ctx.background(), all, *config.stats);
        report = all.run(env.stop);
    }
    for (const auto& one : report.relays) env.err.say(one.text());
    const bool clean = std::all_of(report.relays.begin(), report.relays.end(), [](const auto& one) {
        return one.ended == relay_report::ending::stopped && one.left == 0;
    });
    return clean ? exit_code::done : exit_code::failed;
}

exit_code forward(const forwarder_config& config, environment& env) {
    context ctx{{.on_warning = [&env](const std::string& text) { env.err.say(text); }}};
    hosted others{{ctx, env.err}, {ctx, env.err}};
    for (const auto& one : config.queues) {
        const auto at = others.queues.open(one).str();
        env.err.say("queue " + one.name + " at " + at);
        for (auto beside : one.edges) {
            beside.queue = {at, one.name};
            others.transfers.begin(beside);
        }
    }
    for (const auto& one : config.transfers) others.transfers.begin(one);
    if (config.relays.empty()) {
        wait_for(env.stop);
        return others.close();
    }
    forwarder relays{ctx, config.relays};
    for (std::size_t i = 0; i < relays.size(); ++i) tell(env.err, relays[i]);
    auto closed = exit_code::done;
    auto code = exit_code::done;
    {
        // The queues close while the relays drain, and as well when a relay has ended by itself.
        std::jthread closing{[&](const std::stop_token& stop) {
            try {
                wait_for(stop);
            } catch (const error& wrong) {
                env.err.say(wrong.what());
            }
            closed = others.close();
        }};
        const std::stop_callback on_stop{env.stop, [&closing] { closing.request_stop(); }};
        code = run_relays(relays, config, ctx, env);
    }
    auto drain = std::chrono::milliseconds{0};
    for (const auto& one : config.relays) drain = std::max(drain, one.drain);
    const auto lost = ctx.close(drain + std::chrono::seconds{1}).messages_lost();
    return lost > 0 || closed != exit_code::done ? exit_code::failed : code;
}

/// @throws usage_error when an option is given that the file speaks of
void check_goes_with_config(const CLI::App& sub) {
    for (const auto& name : given_options(sub)) {
        if (name != "--config" && name != "--stats")
            throw usage_error{name + " goes without --config: the file says what to run"};
    }
}

}  // namespace

void declare_forward(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<forward_arguments>();
    const auto itself = std::make_shared<const CLI::App*>();
    auto& sub = add_subcommand(
        app, "forward", "Join many peers in one place: fan-in, publications, requests, queues",
        "  leat forward --pull tcp://127.0.0.1:5555 --push tcp://127.0.0.1:5556\n"
        "  leat forward --pull tcp://127.0.0.1:5555 --push connect:tcp://10.0.0.7:5555 --stats 10s\n"
        "  leat forward --sub tcp://127.0.0.1:5560 --pub tcp://127.0.0.1:5561 --capture "
        "tcp://127.0.0.1:5562\n"
        "  leat forward --router tcp://127.0.0.1:5570 --dealer tcp://127.0.0.1:5571\n"
        "  leat forward --config forwarder.toml\n",
        [args, itself]() -> action {
            if (args->config.empty()) {
                return [config = forwarder_config{.relays = relays_of(*args), .stats = args->stats}](
                           environment& env) { return forward(config, env); };
            }
            check_goes_with_config(**itself);
            return [args](environment& env) {
                auto config = read_forwarder_config(args->config);
                if (args->stats && config.relays.empty())
                    throw usage_error{"--stats counts for relays, and " + args->config + " has none"};
                if (args->stats) config.stats = args->stats;
                return forward(config, env);
            };
        },
        chosen);
    *itself = &sub;
    constexpr std::array<relay_sides, all_relay_sides.size()> about{{
        {relay_kind::streamer,
         "Take messages from PUSH peers here. All endpoints bind, unless written connect:ENDPOINT",
         "Hand each message to one of the PULL peers here"},
        {relay_kind::pubsub, "Take publications from PUB peers here",
         "Hand publications to SUB peers here, as they subscribe"},
        {relay_kind::reqrep, "Take requests from REQ peers here",
         "Hand each request to one of the REP peers here"},
    }};
    const auto add = [&](const std::string& name, std::string_view what, relay_options::side& side) {
        add_values(sub, name, "ENDPOINT", std::string{what},
                   [&side, name](const auto& text) { add_endpoint(side, name, text); });
    };
    for (std::size_t i = 0; i < about.size(); ++i) {
        add(option(all_relay_sides[i].in), about[i].in, args->relays[i].in);
        add(option(all_relay_sides[i].out), about[i].out, args->relays[i].out);
    }
    add("--capture", "Hand a copy of each message to a PULL peer here, if it keeps up", args->capture);
    add_flag(sub, "--insecure", args->insecure, "Allow a bind that other machines can reach");
    add_value(sub, "--coalesce", "SIZE",
              "With --pull: join msgpack messages that wait together, up to this size",
              [args](const auto& text) { args->coalesce = parse_size("--coalesce", text); });
    add_value(sub, "--config", "FILE",
              "Run what this file in TOML says: relays, queues and transfers. leat check looks at it alone",
              [args](const auto& text) { args->config = text; });
    add_value(sub, "--stats", "TIME", "Print a line of counts for each relay so often",
              [args](const auto& text) { args->stats = parse_stats_interval("--stats", text); });
    add_value(sub, "--drain", "TIME", "How long to go on passing on what is there after a signal (1s)",
              [args](const auto& text) { args->drain = parse_linger("--drain", text); });
}

}  // namespace leat::command

#include "parse.hpp"
#include "peers.hpp"
#include "stats.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>
#include <leat/forwarder/forwarder.hpp>

#include <algorithm>
#include <array>

namespace leat::command {
namespace {

constexpr std::array kinds{relay_kind::streamer, relay_kind::pubsub, relay_kind::reqrep};

/// The options that name the two sides of each kind, as in `kinds`.
struct side_names {
    const char* in;
    const char* out;
};
constexpr std::array<side_names, kinds.size()> names{
    {{"--pull", "--push"}, {"--sub", "--pub"}, {"--router", "--dealer"}}};

struct forward_arguments {
    std::array<relay_options, kinds.size()> relays;
    relay_options::side capture;
    std::size_t coalesce = 0;
    bool insecure = false;
    std::optional<std::chrono::microseconds> stats;
    std::chrono::milliseconds drain = std::chrono::seconds{1};
};

/// "tcp://..." binds, "connect:tcp://..." connects; "bind:tcp://..." says what is meant anyway.
void add_endpoint(relay_options::side& to, const std::string& option, const std::string& text) {
    constexpr std::string_view connect = "connect:", bind = "bind:";
    if (text.starts_with(connect)) {
        to.connect.push_back(parse_endpoint(option, std::string_view{text}.substr(connect.size())));
        check_connect(option, to.connect.back());
    } else {
        const auto begin = text.starts_with(bind) ? bind.size() : 0;
        to.bind.push_back(parse_endpoint(option, std::string_view{text}.substr(begin)));
    }
}

void finish(relay_options::side& side, const std::string& option, const forward_arguments& args) {
    for (const auto& at : side.bind) check_bind(option, at, args.insecure);
    side.socket.insecure = args.insecure;
    side.socket.linger = args.drain;
}

/// The relays that have been asked for, complete.
std::vector<relay_options> relays_of(const forward_arguments& args) {
    std::vector<relay_options> all;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        auto one = args.relays[i];
        if (one.in.empty() && one.out.empty()) continue;
        if (one.in.empty() || one.out.empty()) {
            const auto [given, lacking] =
                one.in.empty() ? std::pair{names[i].out, names[i].in} : std::pair{names[i].in, names[i].out};
            throw usage_error{std::string{given} + " needs " + lacking +
                              " as well: where messages come from and where they go"};
        }
        one.kind = kinds[i];
        one.drain = args.drain;
        one.capture = args.capture;
        if (one.kind == relay_kind::streamer) one.coalesce = args.coalesce;
        finish(one.in, names[i].in, args);
        finish(one.out, names[i].out, args);
        finish(one.capture, "--capture", args);
        all.push_back(std::move(one));
    }
    if (all.empty())
        throw usage_error{
            "needs both sides of a relay: --pull and --push, --sub and --pub, or --router and --dealer"};
    if (all.size() > 1 && !args.capture.empty())
        throw usage_error{"--capture goes with one relay: start another leat forward for each of the others"};
    if (args.coalesce > 0 && args.relays[0].in.empty())
        throw usage_error{"--coalesce goes with --pull and --push only"};
    return all;
}

void tell(console& err, const relay& one) {
    std::string text = one.options().name;
    const auto add = [&](const char* what, const endpoints& bound, const endpoints& connected) {
        for (const auto& at : bound) text += std::string{" "} + what + " " + at.str();
        for (const auto& to : connected) text += std::string{" "} + what + " connect:" + to.str();
    };
    const auto& o = one.options();
    const auto& [in, out] = names[static_cast<std::size_t>(o.kind)];
    add(in, one.in_endpoints(), o.in.connect);
    add(out, one.out_endpoints(), o.out.connect);
    add("--capture", one.capture_endpoints(), o.capture.connect);
    err.say(text);
}

exit_code forward(const std::vector<relay_options>& relays, const forward_arguments& args, environment& env) {
    context ctx{{.on_warning = [&env](const std::string& text) { env.err.say(text); }}};
    forwarder all{ctx, relays};
    for (std::size_t i = 0; i < all.size(); ++i) tell(env.err, all[i]);
    forwarder_report report;
    {
        std::optional<stats> lines;
        if (args.stats) lines.emplace(env, ctx.background(), all, *args.stats);
        report = all.run(env.stop);
    }
    for (const auto& one : report.relays) env.err.say(one.text());
    const auto lost = ctx.close(args.drain + std::chrono::seconds{1}).messages_lost();
    const bool clean = std::all_of(report.relays.begin(), report.relays.end(), [](const auto& one) {
        return one.ended == relay_report::ending::stopped && one.left == 0;
    });
    return clean && lost == 0 ? exit_code::done : exit_code::failed;
}

}  // namespace

void declare_forward(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<forward_arguments>();
    auto& sub = add_subcommand(
        app, "forward", "Join many peers in one place: fan-in, publications, requests",
        "  leat forward --pull tcp://127.0.0.1:5555 --push tcp://127.0.0.1:5556\n"
        "  leat forward --pull tcp://127.0.0.1:5555 --push connect:tcp://10.0.0.7:5555 --stats 10s\n"
        "  leat forward --sub tcp://127.0.0.1:5560 --pub tcp://127.0.0.1:5561 --capture "
        "tcp://127.0.0.1:5562\n"
        "  leat forward --router tcp://127.0.0.1:5570 --dealer tcp://127.0.0.1:5571\n",
        [args]() -> action {
            return
                [args, relays = relays_of(*args)](environment& env) { return forward(relays, *args, env); };
        },
        chosen);
    constexpr std::array<side_names, kinds.size()> about{{
        {"Take messages from PUSH peers here", "Hand each message to one of the PULL peers here"},
        {"Take publications from PUB peers here", "Hand publications to SUB peers here, as they subscribe"},
        {"Take requests from REQ peers here", "Hand each request to one of the REP peers here"},
    }};
    const auto add = [&](const std::string& name, const std::string& what, relay_options::side& side) {
        add_values(sub, name, "ENDPOINT", what,
                   [&side, name](const auto& text) { add_endpoint(side, name, text); });
    };
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        add(names[i].in, about[i].in, args->relays[i].in);
        add(names[i].out, about[i].out, args->relays[i].out);
    }
    add("--capture", "Hand a copy of each message to a PULL peer here, if it keeps up", args->capture);
    sub.add_flag("--insecure", args->insecure, "Allow a bind that other machines can reach");
    add_value(sub, "--coalesce", "SIZE",
              "With --pull: join msgpack messages that wait together, up to this size",
              [args](const auto& text) { args->coalesce = parse_size("--coalesce", text); });
    add_value(sub, "--stats", "TIME", "Print a line of counts for each relay so often",
              [args](const auto& text) { args->stats = parse_stats_interval("--stats", text); });
    add_value(sub, "--drain", "TIME", "How long to go on passing on what is there after a signal (1s)",
              [args](const auto& text) { args->drain = parse_linger("--drain", text); });
    sub.get_option("--pull")->description(sub.get_option("--pull")->get_description() +
                                          ". All endpoints bind, unless written connect:ENDPOINT");
}

}  // namespace leat::command

#include "hosted_queues.hpp"
#include "parse.hpp"
#include "peers.hpp"
#include "queue_subcommands.hpp"

#include <leat/context.hpp>
#include <leat/queue/queue_rules.hpp>

#include <array>
#include <utility>

namespace leat::command {
namespace {

struct serve_arguments {
    endpoints bind;
    std::vector<std::string> names;
    std::string path;
    bool insecure = false;
    queue_rules rules;
};

void check(const serve_arguments& args) {
    if (args.bind.size() != 1) throw usage_error{"needs one endpoint: --bind tcp://127.0.0.1:PORT"};
    check_bind("--bind", args.bind.front(), args.insecure);
    if (args.names.empty()) throw usage_error{"needs a name: --name jobs"};
    if (args.path.empty()) return;
    for (const auto& name : args.names) {
        if (name.find('/') != std::string::npos || name == "." || name == "..")
            throw usage_error{"--name is '" + name + "'; with --path it is a directory's name too"};
    }
}

exit_code serve(const serve_arguments& args, environment& env) {
    context ctx{{.on_warning = [&env](const std::string& text) { env.err.say(text); }}};
    hosted_queues all{ctx, env.err};
    auto at = args.bind.front();
    for (const auto& name : args.names) {
        queue_options o{.name = name, .bind = at.str(), .rules = args.rules};
        if (!args.path.empty()) o.path = args.path + "/" + name;
        o.socket.insecure = args.insecure;
        at = all.open(o);  // the others share the port that the system picked
    }
    tell_bound(env.err, args.bind, at);
    wait_for(env.stop);
    return all.close();
}

void add_rules(CLI::App& sub, queue_rules& to) {
    const auto add_time = [&sub](const char* name, auto& rule, const char* about) {
        add_value(sub, name, "TIME", about,
                  [name, &rule](const auto& text) { rule = parse_duration(name, text); });
    };
    const auto add_size = [&sub](const char* name, auto& rule, const char* about) {
        add_value(sub, name, "SIZE", about,
                  [name, &rule](const auto& text) { rule = parse_size(name, text); });
    };
    const auto add_number = [&sub](const char* name, auto& rule, const char* about) {
        add_value(sub, name, "N", about, [name, &rule](const auto& text) {
            using number = std::remove_reference_t<decltype(rule)>;
            const auto all = parse_count(name, text);
            if (all > std::numeric_limits<number>::max())
                throw usage_error{std::string{name} + " is too large"};
            rule = static_cast<number>(all);
        });
    };
    add_value(sub, "--overflow", "HOW",
              "What a put does that finds no room: block, reject or drop-oldest (block)",
              [&to](const auto& text) {
                  constexpr std::array<std::pair<const char*, queue_overflow>, 3> words{
                      {{"block", queue_overflow::block},
                       {"reject", queue_overflow::reject},
                       {"drop-oldest", queue_overflow::drop_oldest}}};
                  to.overflow = parse_word("--overflow", text, words);
              });
    add_value(
        sub, "--durability", "WHEN",
        "With --path: a put is confirmed after its commit, or at once and written each interval: commit or "
        "interval (commit)",
        [&to](const auto& text) {
            constexpr std::array<std::pair<const char*, durability>, 3> words{
                {{"commit", durability::commit},
                 {"interval", durability::interval},
                 {"memory", durability::memory}}};
            to.durability = parse_word("--durability", text, words);
        });
    add_time("--interval", to.interval, "How often that is (100ms)");
    add_flag(sub, "--exclusive", to.exclusive, "One consumer at a time; the others stand by");
    const auto add_ratio = [&sub](const char* name, double& rule, const char* about) {
        add_value(sub, name, "NUMBER", about,
                  [name, &rule](const auto& text) { rule = parse_ratio(name, text); });
    };
    add_number("--max-messages", to.max_messages, "Room for so many messages (10000000)");
    add_size("--max-bytes", to.max_bytes,
             "Room for so many bytes, 64 a message included (16GiB on disk, else 256MiB)");
    add_size("--max-message", to.max_message, "Bytes of one message at the most (1MiB)");
    add_time("--lease", to.lease, "A delivery comes back unless it is renewed in that time (30s)");
    add_time("--session-timeout", to.session_timeout, "A peer that is silent for so long is lost (10s)");
    add_time("--max-hold", to.max_hold, "How long a consumer may hold a message (30m)");
    add_number("--max-attempts", to.max_attempts, "A message that failed so often is dead (5)");
    add_flag(
        sub, "--unlimited-attempts", [&to] { to.max_attempts = unlimited_attempts; },
        "A failing message is tried for ever, and its key waits for it");
    add_time("--retry-first", to.retry.first, "The first pause after a failure (1s)");
    add_ratio("--retry-factor", to.retry.factor, "Each pause is so many times the last (2)");
    add_time("--retry-cap", to.retry.cap, "The longest pause (5m)");
    add_ratio("--retry-jitter", to.retry.jitter, "A pause is longer or shorter by this part at random (0.2)");
    add_time("--ttl", to.ttl, "Messages that have waited for so long expire (never)");
    add_value(sub, "--on-expiry", "HOW", "What becomes of them: drop or dead-letter (drop)",
              [&to](const auto& text) {
                  constexpr std::array<std::pair<const char*, on_expiry>, 2> words{
                      {{"drop", on_expiry::drop}, {"dead-letter", on_expiry::dead_letter}}};
                  to.on_expiry = parse_word("--on-expiry", text, words);
              });
    add_time("--max-delay", to.max_delay, "The longest delay of a put (8760h)");
    add_flag(
        sub, "--no-dead-letters", [&to] { to.dead_letters = false; }, "What would be dead is dropped");
    add_number("--max-dead", to.max_dead_messages, "Room for so many dead letters (100000)");
    add_size("--max-dead-bytes", to.max_dead_bytes, "Room for so many bytes of them (1GiB)");
    add_value(sub, "--dead-full", "HOW", "What happens when it is full: stop or drop-oldest (stop)",
              [&to](const auto& text) {
                  constexpr std::array<std::pair<const char*, dead_full>, 2> words{
                      {{"stop", dead_full::stop}, {"drop-oldest", dead_full::drop_oldest}}};
                  to.dead_full = parse_word("--dead-full", text, words);
              });
    add_time("--dedup-window", to.dedup_window, "How long message ids are remembered (10m)");
    add_number("--max-in-flight", to.max_in_flight, "So many deliveries at most are not settled (100000)");
    add_size("--ingress-bytes", to.ingress_bytes, "What producers may send ahead, all together (64MiB)");
    add_time("--close-deadline", to.close_deadline, "After a signal: how long consumers may finish (5s)");
}

}  // namespace

void declare_queue_serve(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<serve_arguments>();
    auto& sub = add_subcommand(
        app, "serve", "Be one queue, or several, for producers and consumers of any process",
        "  leat queue serve -b tcp://127.0.0.1:5600 --name thumbs\n"
        "  leat queue serve -b ipc:///run/jobs.sock --name mail --name sms --max-attempts 3 --lease 10s\n"
        "  leat queue serve -b tcp://127.0.0.1:5600 --name thumbs --path /var/lib/queues\n",
        [args]() -> action {
            check(*args);
            args->rules.check();
            return [args](environment& env) { return serve(*args, env); };
        },
        chosen);
    add_values(sub, "-b,--bind", "ENDPOINT", "Where it is; port * takes a free one",
               [args](const auto& text) { args->bind.push_back(parse_endpoint("--bind", text)); });
    add_values(sub, "--name", "NAME", "Its name; repeatable: several queues of the same rules",
               [args](const auto& text) { args->names.push_back(text); });
    add_value(sub, "--path", "DIR", "Keep it on disk, in DIR/NAME; without, it is in memory",
              [args](const auto& text) { args->path = text; });
    add_flag(sub, "--insecure", args->insecure, "Allow a bind that other machines can reach");
    add_rules(sub, args->rules);
}

}  // namespace leat::command

#include "child_command.hpp"
#include "parse.hpp"
#include "peers.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>
#include <leat/reqrep/replier.hpp>
#include <leat/stop.hpp>

#include <poll.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>

namespace leat::command {
namespace {

struct rep_arguments {
    endpoints bind = {}, connect = {}, join = {};
    bool insecure = false;
    bool echo = false;
    std::optional<std::string> command;
    std::uint64_t workers = 1;
    std::optional<std::uint64_t> count;
    std::chrono::milliseconds linger = std::chrono::seconds{1};
};

/// Answers with the request itself, or with what a command makes of it.
class rep_job {
public:
    rep_job(const rep_arguments& args, environment& env)
        : args_(args),
          env_(env),
          ctx_({.on_warning = [&env](const std::string& text) { env.err.say(text); }}),
          serves_(ctx_, options(), [this, use = use_](const bytes& request, responder<bytes> to) {
              const std::shared_lock in{use->mutex};
              if (!use->over) answer(request, to);
          }) {}

    exit_code run() {
        tell_bound(env_.err, args_.bind, serves_.bound());
        const stop_event stopped{env_.stop};
        pollfd ready[] = {{stopped.fd(), POLLIN, 0}, {enough_.fd(), POLLIN, 0}};
        while (::poll(ready, 2, -1) <= 0) {
        }
        const bool clean = serves_.stop(args_.linger);
        // Commands that are still run are killed then; their workers use this object until they see it.
        {
            const std::unique_lock end{use_->mutex};
            use_->over = true;
        }
        static_cast<void>(ctx_.close(args_.linger));
        if (clean) return exit_code::done;
        env_.err.say("stopped: a request was not answered within " + format_duration(args_.linger));
        return exit_code::failed;
    }

private:
    reply_options options() const {
        reply_options o{.bind = args_.bind,
                        .connect = args_.connect,
                        .join = args_.join,
                        .workers = static_cast<unsigned>(args_.workers),
                        .stop_within = args_.linger};
        o.socket.insecure = args_.insecure;
        return o;
    }

    void answer(const bytes& request, responder<bytes>& to) {
        if (args_.echo) {
            to.reply(bytes{request.view()});
        } else {
            run(request, to);
        }
        if (args_.count && ++answered_ == *args_.count) enough_.raise();
    }

    void run(const bytes& request, responder<bytes>& to) {
        constexpr std::size_t most = 16u << 20;
        // A caller whose time is up cancels; this is for those that cannot.
        auto time = to.remaining();
        if (time) *time += std::chrono::seconds{1};
        const auto end = run_command(*args_.command, request.view(), most, time, to.stop_token());
        if (end.too_long) {
            to.fail(1, "the command wrote more than 16 MiB");
        } else if (end.stopped) {
            to.fail(1, "the command was ended: its time was up");
        } else if (end.status != 0) {
            to.fail(end.status, "the command ended with status " + std::to_string(end.status));
        } else {
            to.reply(bytes{end.output});
        }
    }

    /// The job's workers hold it while they use the job, and may outlive that.
    struct in_use {
        std::shared_mutex mutex;
        bool over = false;
    };

    const rep_arguments& args_;
    environment& env_;
    const std::shared_ptr<in_use> use_ = std::make_shared<in_use>();
    wake_up enough_;
    std::atomic<std::uint64_t> answered_ = 0;
    context ctx_;
    replier<bytes, bytes> serves_;
};

void check(const rep_arguments& args) {
    if (args.bind.empty() && args.connect.empty() && args.join.empty())
        throw usage_error{
            "needs an endpoint: --bind tcp://127.0.0.1:PORT, --connect a relay, or --join a requester"};
    if (args.echo == args.command.has_value()) throw usage_error{"needs one of --echo and --command 'CMD'"};
    for (const auto& at : args.bind) check_bind("--bind", at, args.insecure);
    for (const auto& to : args.connect) check_connect("--connect", to);
    for (const auto& to : args.join) check_connect("--join", to);
    if (args.workers > 256)
        throw usage_error{"--workers is " + std::to_string(args.workers) + "; allowed are 1 to 256"};
}

}  // namespace

void declare_rep(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<rep_arguments>();
    auto& sub = add_subcommand(
        app, "rep", "Answer each request with itself, or with the output of a command",
        "  leat rep -b tcp://127.0.0.1:5555 --command 'tr a-z A-Z'\n"
        "  leat rep -b ipc:///run/thumbs.sock --workers 4 --command 'convert - -resize 100 jpg:-'\n"
        "  leat rep -b tcp://127.0.0.1:5555 --echo\n",
        [args]() -> action {
            check(*args);
            return [args](environment& env) { return rep_job{*args, env}.run(); };
        },
        chosen);
    add_values(sub, "-b,--bind", "ENDPOINT",
               "Let requesters connect to it; port * takes a free one; repeatable",
               [args](const auto& text) { args->bind.push_back(parse_endpoint("--bind", text)); });
    add_values(sub, "-c,--connect", "ENDPOINT", "Work for a relay: its DEALER side; repeatable",
               [args](const auto& text) { args->connect.push_back(parse_endpoint("--connect", text)); });
    add_values(sub, "-j,--join", "ENDPOINT", "Work for a requester that has bound; repeatable",
               [args](const auto& text) { args->join.push_back(parse_endpoint("--join", text)); });
    add_flag(sub, "--insecure", args->insecure, "Allow a bind that other machines can reach");
    add_flag(sub, "--echo", args->echo, "Answer with the request");
    add_value(sub, "--command", "CMD",
              "Run CMD with sh: the request is its standard input, its output the reply; a status other than "
              "0 is an "
              "error",
              [args](const auto& text) { args->command = text; });
    add_value(sub, "-w,--workers", "N", "Commands at a time (1)",
              [args](const auto& text) { args->workers = parse_count("--workers", text); });
    add_value(sub, "-n,--count", "N", "End after N requests",
              [args](const auto& text) { args->count = parse_count("--count", text); });
    add_value(sub, "--linger", "TIME", "How long requests that have begun may take after a signal (1s)",
              [args](const auto& text) { args->linger = parse_linger("--linger", text); });
}

}  // namespace leat::command

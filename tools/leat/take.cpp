#include "child_command.hpp"
#include "grace.hpp"
#include "intake.hpp"
#include "json.hpp"
#include "output.hpp"
#include "parse.hpp"
#include "queue_peer.hpp"
#include "subcommands.hpp"

#include <leat/codec.hpp>
#include <leat/context.hpp>
#include <leat/queue/consumer.hpp>

#include <algorithm>
#include <array>

namespace leat::command {
namespace {

struct take_arguments {
    queue_peer from;
    intake how;
    outcome then = outcome::ack;
    std::optional<std::string> command;
};

/// Prints what a queue hands out, or gives it to a command, and settles it.
class take_job {
public:
    take_job(const take_arguments& args, environment& env)
        : args_(args),
          env_(env),
          ctx_({.on_warning = [&env](const std::string& text) { env.err.say(text); }}),
          grace_(ctx_.background(), env.stop, std::chrono::seconds{1}),
          in_(ctx_, args.from.at(), options()),
          out_(env.out, grace_.over()) {}

    exit_code run() {
        auto how = status::ok;
        std::string broken;
        try {
            how = take_all();
        } catch (const failure& wrong) {
            broken = wrong.what();
        }
        for (auto& one : open_) one.release();
        open_.clear();
        if (in_.close(std::chrono::seconds{5}) == status::timeout && broken.empty())
            broken = "the queue has not taken all outcomes: some messages will come again";
        if (!broken.empty()) {
            env_.err.say(broken);
            return exit_code::failed;
        }
        if (how == status::timeout) {
            env_.err.say(args_.how.timed_out(done_));
            return exit_code::timed_out;
        }
        if (how != status::ok && args_.how.counts()) {
            env_.err.say("stopped: " + args_.how.received(done_));
            return exit_code::failed;
        }
        return failed_ ? exit_code::failed : exit_code::done;
    }

private:
    consumer_options options() const {
        consumer_options o{.queue = args_.from.name, .stop = env_.stop};
        // What comes ahead is not free for others, so it is no more than is wanted.
        o.prefetch = static_cast<std::size_t>(std::min<std::uint64_t>(o.prefetch, args_.how.count));
        if (args_.command) o.prefetch = 1;
        return o;
    }

    status take_all() {
        while (taken_ < args_.how.count) {
            auto one = in_.next(deadline::now());
            if (one.why() == status::timeout) {
                settle();
                const auto& patience = args_.how.with.timeout;
                one = in_.next(patience ? deadline{*patience} : deadline::never());
            }
            if (!one) {
                settle();
                return one.why();
            }
            ++taken_;
            if (args_.command) {
                if (!hand_over(*one)) return status::stopped;
            } else {
                print(std::move(*one));
            }
        }
        settle();
        return status::ok;
    }

    void print(delivery<bytes>&& one) {
        if (args_.how.with.json && !to_json(one)) return;
        open_.push_back(std::move(one));  // first, since a write may fail
        out_.write(args_.how.with.json ? std::string_view{text_} : open_.back()->text());
        out_.write(args_.how.with.delimiter);
        constexpr std::size_t enough = 128;
        if (open_.size() >= enough) settle();
    }

    /// False, and rejected, when it is not one msgpack object.
    bool to_json(delivery<bytes>& one) {
        decoder<msgpack::object> objects{one->view()};
        msgpack::object object;
        text_.clear();
        if (objects.next(object)) msgpack_to_json(object, text_);
        if (text_.empty() || objects.offset() != one->size()) {
            one.reject("not one msgpack object");
            if (!std::exchange(failed_, true))
                env_.err.say("a message of " + count_of(one->size(), "byte") +
                             " is not msgpack, and is rejected");
            return false;
        }
        return true;
    }

    /// Everything that was printed is written, and then settled.
    void settle() {
        out_.flush();
        for (auto& one : open_) {
            switch (args_.then) {
                case outcome::ack:
                    one.ack();
                    break;
                case outcome::release:
                    one.release();
                    break;
                case outcome::retry:
                    one.retry();
                    break;
                case outcome::reject:
                    one.reject("leat take --outcome reject");
                    break;
            }
        }
        done_ += open_.size();
        open_.clear();
    }

    /// The command's exit status decides. False when it was stopped.
    bool hand_over(delivery<bytes>& one) {
        constexpr int temporary = 75;  // EX_TEMPFAIL of sysexits.h
        constexpr std::size_t most = 16u << 20;
        const auto end = run_command(*args_.command, one->view(), most, {}, grace_.over());
        if (end.stopped) {
            one.release();
            return false;
        }
        if (end.too_long) {
            one.reject("the command wrote more than 16 MiB");
        } else if (end.status == 0) {
            one.ack();
        } else if (end.status == temporary) {
            one.retry();
        } else {
            one.reject("the command ended with status " + std::to_string(end.status));
        }
        ++done_;
        out_.write(end.output);
        out_.flush();
        return true;
    }

    const take_arguments& args_;
    environment& env_;
    context ctx_;
    grace grace_;
    consumer<bytes> in_;
    output out_;
    std::vector<delivery<bytes>> open_;  // printed, and not settled
    std::string text_;
    std::uint64_t taken_ = 0, done_ = 0;
    bool failed_ = false;
};

outcome parse_outcome(const std::string& text) {
    for (const auto one : {outcome::ack, outcome::release, outcome::retry, outcome::reject}) {
        if (to_string(one) == text) return one;
    }
    throw usage_error{"--outcome is '" + text + "'; allowed are ack, release, retry and reject"};
}

}  // namespace

void declare_take(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<take_arguments>();
    auto& sub = add_subcommand(
        app, "take", "Take messages from a queue: print each on a line and ack it, or run a command for it",
        "  leat take -c tcp://127.0.0.1:5600 thumbs --count 10 --timeout 5s\n"
        "  leat take -c tcp://127.0.0.1:5600 thumbs --exec 'xargs -I{} convert {} -resize 100 small/{}'\n"
        "  leat take -c ipc:///run/jobs.sock mail.dead --outcome release --count 1\n",
        [args]() -> action {
            args->from.check();
            if (args->command && (args->how.with.json || args->then != outcome::ack))
                throw usage_error{
                    "--exec goes without --json and --outcome: the command's exit status decides"};
            return [args](environment& env) { return take_job{*args, env}.run(); };
        },
        chosen);
    add_queue_peer(sub, args->from);
    add_value(sub, "-n,--count", "N", "End after N messages",
              [args](const auto& text) { args->how.count = parse_count("--count", text); });
    add_value(sub, "--timeout", "TIME", "End when no message has come for so long",
              [args](const auto& text) { args->how.with.timeout = parse_duration("--timeout", text); });
    add_value(sub, "--outcome", "OUTCOME",
              "What is said of what was printed: ack, release, retry or reject (ack)",
              [args](const auto& text) { args->then = parse_outcome(text); });
    add_value(
        sub, "--exec", "CMD",
        "Run CMD with sh, the message on its standard input; it exits with 0 to ack, 75 to retry, else it "
        "rejects",
        [args](const auto& text) { args->command = text; });
    add_flag(sub, "--json", args->how.with.json, "Messages are msgpack on the wire, and JSON here");
    add_flag(
        sub, "-0,--null", [args] { args->how.with.delimiter = '\0'; },
        "Lines end with NUL instead of a newline");
}

}  // namespace leat::command

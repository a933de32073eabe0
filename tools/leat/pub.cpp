#include "grace.hpp"
#include "json.hpp"
#include "line_reader.hpp"
#include "packed.hpp"
#include "parse.hpp"
#include "peers.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>
#include <leat/pubsub/publisher.hpp>

#include <atomic>
#include <concepts>

namespace leat::command {
namespace {

struct pub_arguments {
    peers with;
    std::string topic;
    std::string data = "-";
    std::size_t wait = 0;
    bool block = false;
    bool keep = false;
    char separator = topic_separator;
};

/// Publishes the data, or the records of standard input; `T` is bytes or packed.
template <class T>
class pub_job {
public:
    pub_job(const pub_arguments& args, environment& env)
        : args_(args),
          env_(env),
          ctx_({.on_warning =
                    [this](const std::string& text) {
                        if (!closing_) env_.err.say(text);
                    }}),
          grace_(ctx_.background(), env.stop, args.with.linger),
          out_(ctx_, options()),
          lines_(env.in, "standard input", args.with.delimiter, socket_options{}.max_message),
          stop_(env.stop) {}

    exit_code run() {
        tell_bound(env_.err, args_.with.bind, out_.bound());
        if (args_.wait > 0) {
            const auto why = out_.wait_subscribers(args_.topic, args_.wait, patience());
            if (why == status::timeout) {
                env_.err.say("timed out: " + format_number(out_.subscribers(args_.topic)) + " of " +
                             count_of(args_.wait, "subscriber") + " to " + args_.topic + " came within " +
                             format_duration(*args_.with.timeout));
                return exit_code::timed_out;
            }
            if (why != status::ok) return stopped();
        }
        const auto why = args_.data == "-" ? publish_lines() : publish(args_.data);
        if (why == status::timeout) {
            env_.err.say("timed out: a subscriber took nothing for " + format_duration(*args_.with.timeout) +
                         "; " + count_of(published_) + " published before");
            return exit_code::timed_out;
        }
        if (why != status::ok) return stopped();
        return finish();
    }

private:
    publish_options options() const {
        publish_options o{.bind = args_.with.bind, .connect = args_.with.connect, .stop = grace_.over()};
        o.overflow = args_.block ? overflow::block : overflow::drop;
        o.last_values = args_.keep ? 1 : 0;
        o.separator = args_.separator;
        o.socket.linger = args_.with.linger;
        o.socket.insecure = args_.with.insecure;
        return o;
    }

    deadline patience() const {
        return args_.with.timeout ? deadline{*args_.with.timeout} : deadline::never();
    }

    status publish_lines() {
        std::string_view line;
        for (;;) {
            switch (lines_.next(line, stop_)) {
                case line_reader::outcome::line:
                    break;
                case line_reader::outcome::end:
                    return status::ok;
                case line_reader::outcome::stopped:
                    return status::stopped;
            }
            if (const auto why = publish(line); why != status::ok) return why;
        }
    }

    status publish(std::string_view text) {
        auto why = status::ok;
        if constexpr (std::same_as<T, bytes>) {
            why = out_.publish(args_.topic, bytes{text}, patience());
        } else {
            object_.clear();
            try {
                json_to_msgpack(text, object_);
            } catch (const failure& wrong) {
                if (args_.data != "-") throw usage_error{std::string{"DATA: "} + wrong.what()};
                throw failure{"line " + format_number(lines_.number()) +
                              " of standard input: " + wrong.what()};
            }
            why = out_.publish(args_.topic, packed{object_.view()}, patience());
        }
        if (why != status::ok) return why;
        ++published_;
        heard_ = heard_ || args_.wait > 0 || out_.subscribers(args_.topic) > 0;
        return why;
    }

    /// Hands over what is under way, and says so when nobody was there to take it.
    exit_code finish() {
        static_cast<void>(out_.flush(args_.with.linger));
        closing_ = true;
        out_.close();
        const auto lost = ctx_.close(args_.with.linger + std::chrono::seconds{1}).messages_lost();
        if (lost > 0) {
            env_.err.say("no subscriber took all within " + format_duration(args_.with.linger) + ": " +
                         format_number(lost) + " of " + count_of(published_) + " may be lost");
            return exit_code::failed;
        }
        if (!heard_ && published_ > 0) {
            env_.err.say("nobody subscribes to " + args_.topic + "; --wait 1 publishes once somebody does");
        }
        return exit_code::done;
    }

    exit_code stopped() {
        static_cast<void>(finish());
        if (args_.data == "-" && published_ > 0) return exit_code::done;
        env_.err.say("stopped: " + count_of(published_) + (published_ == 1 ? " was" : " were") +
                     " published");
        return exit_code::failed;
    }

    const pub_arguments& args_;
    environment& env_;
    std::atomic<bool> closing_ = false;
    context ctx_;
    grace grace_;
    publisher<T> out_;
    line_reader lines_;
    stop_event stop_;
    buffer object_;
    std::uint64_t published_ = 0;
    bool heard_ = false;  // somebody has subscribed
};

exit_code pub(const pub_arguments& args, environment& env) {
    return args.with.json ? pub_job<packed>{args, env}.run() : pub_job<bytes>{args, env}.run();
}

}  // namespace

void declare_pub(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<pub_arguments>();
    auto& sub = add_subcommand(
        app, "pub", "Publish DATA, or each line of standard input, to a topic",
        "  leat pub -b tcp://127.0.0.1:5556 weather.oslo 'rain' --wait 1\n"
        "  journalctl -f | leat pub -b tcp://127.0.0.1:5556 logs.web --keep\n"
        "  echo '{\"degrees\": 7}' | leat pub --json -c tcp://10.0.0.7:5557 weather.oslo\n",
        [args]() -> action {
            args->with.check();
            if (args->topic.empty()) throw usage_error{"needs a TOPIC, as in weather.oslo"};
            check_topic(args->topic, args->separator);
            return [args](environment& env) { return pub(*args, env); };
        },
        chosen);
    add_argument(sub, "TOPIC", args->topic, "What it is about: words with dots between them");
    add_argument(sub, "DATA", args->data,
                 "The message; - for the lines of standard input, which is the default");
    add_peers(sub, args->with,
              "End with status 3 when no subscriber came (--wait) or took a message (--block) for so long "
              "(500ms, 2s)",
              "How long what is under way may take after a signal, and the last bytes at the end (1s)");
    add_value(sub, "-w,--wait", "N", "Publish nothing before N subscribers have come; a relay counts as one",
              [args](const auto& text) { args->wait = parse_count("--wait", text); });
    add_flag(sub, "--block", args->block,
             "Wait for subscribers that are slow; without it they miss messages");
    add_flag(sub, "--keep", args->keep, "Keep the last message for subscribers that ask: leat sub --last");
    add_value(sub, "--topic-sep", "CHARACTER", "What stands between the words of topics (.)",
              [args](const auto& text) { args->separator = parse_separator("--topic-sep", text); });
}

}  // namespace leat::command

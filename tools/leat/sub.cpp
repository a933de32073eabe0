#include "format.hpp"
#include "grace.hpp"
#include "intake.hpp"
#include "json.hpp"
#include "output.hpp"
#include "parse.hpp"
#include "subcommands.hpp"

#include <leat/codec.hpp>
#include <leat/context.hpp>
#include <leat/pubsub/subscriber.hpp>

#include <optional>

namespace leat::command {
namespace {

struct sub_arguments {
    intake from;
    std::vector<std::string> patterns;
    bool last = false;
    char separator = topic_separator;
    std::optional<publication_format> format;
};

class sub_job {
public:
    sub_job(const sub_arguments& args, environment& env)
        : args_(args),
          env_(env),
          format_(args.format ? *args.format : publication_format{"--format", "%t %p"}),
          ctx_({.on_warning = [this](const std::string& text) { env_.err.say(text); }}),
          grace_(ctx_.background(), env.stop, args.from.with.linger),
          in_(ctx_, options()),
          out_(env.out, grace_.over()) {}

    exit_code run() {
        tell_bound(env_.err, args_.from.with.bind, in_.bound());
        const auto how = receive_all();
        out_.flush();
        in_.close();
        if (in_.seen().missed.value() > 0)
            env_.err.say("missed " + count_of(in_.seen().missed.value()) + " in all");
        if (undecodable_ > 0) env_.err.say(count_of(undecodable_) + " in all that are not msgpack");
        if (how == status::timeout) {
            env_.err.say(args_.from.timed_out(printed_));
            return exit_code::timed_out;
        }
        if (how != status::ok && args_.from.counts()) {
            env_.err.say("stopped: " + args_.from.received(printed_));
            return exit_code::failed;
        }
        return undecodable_ > 0 ? exit_code::failed : exit_code::done;
    }

private:
    subscribe_options options() {
        subscribe_options o{
            .connect = args_.from.with.connect, .bind = args_.from.with.bind, .patterns = args_.patterns};
        o.last_values = args_.last;
        o.separator = args_.separator;
        o.stop = env_.stop;
        o.socket.insecure = args_.from.with.insecure;
        o.on_gap = [this](const gap& one) {
            env_.err.say("missed " + count_of(one.missed()) + " of " + one.topic + ": numbers " +
                         std::to_string(one.from) + " to " + std::to_string(one.to) + " of publisher " +
                         publisher_name(one.publisher));
        };
        o.on_restart = [this](const publisher_restart& one) {
            env_.err.say("publisher " + publisher_name(one.before) + " was restarted as " +
                         publisher_name(one.now));
        };
        return o;
    }

    status receive_all() {
        publication<bytes> got;
        while (printed_ < args_.from.count) {
            auto why = in_.receive(got, deadline::now());
            if (why == status::timeout) {
                out_.flush();
                why = in_.receive(
                    got, args_.from.with.timeout ? deadline{*args_.from.with.timeout} : deadline::never());
            }
            if (why != status::ok) return why;
            args_.from.with.json ? print_objects(got) : print(got, got.value.text(), got.sequence);
        }
        return status::ok;
    }

    void print(const publication<bytes>& of, std::string_view payload, std::uint64_t sequence) {
        line_.clear();
        format_.append(line_, {of.topic, payload, of.publisher, sequence, of.last_value});
        if (!args_.format) line_ += args_.from.with.delimiter;
        out_.write(line_);
        ++printed_;
    }

    void print_objects(const publication<bytes>& of) {
        decoder<msgpack::object> objects{of.value.view()};
        msgpack::object object;
        auto sequence = of.sequence;
        bool any = false;
        for (; printed_ < args_.from.count && objects.next(object); any = true) {
            text_.clear();
            msgpack_to_json(object, text_);
            print(of, text_, sequence);
            if (sequence != 0) ++sequence;
        }
        const auto fault = msgpack_fault(objects, any);
        if (!fault || ++undecodable_ > 1) return;  // the first one says enough
        env_.err.say("a message of " + of.topic + " is not msgpack: " + *fault);
    }

    const sub_arguments& args_;
    environment& env_;
    const publication_format format_;
    context ctx_;
    grace grace_;
    subscriber<bytes> in_;
    output out_;
    std::string line_, text_;
    std::uint64_t printed_ = 0;
    std::uint64_t undecodable_ = 0;
};

}  // namespace

void declare_sub(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<sub_arguments>();
    auto& sub = add_subcommand(
        app, "sub", "Print what is published to topics: PATTERN is one, or has * for a word, or ends in >",
        "  leat sub -c tcp://127.0.0.1:5556 'weather.>'\n"
        "  leat sub -c tcp://127.0.0.1:5556 --last --count 1 --timeout 5s weather.oslo\n"
        "  leat sub --json -c tcp://10.0.0.7:5557 'weather.*' --format '%t %p\\n'\n",
        [args]() -> action {
            args->from.with.check();
            if (args->patterns.empty())
                throw usage_error{
                    "needs a PATTERN: a topic, or weather.> for all below it, or > for everything"};
            for (const auto& one : args->patterns) check_pattern(one, args->separator);
            return [args](environment& env) { return sub_job{*args, env}.run(); };
        },
        chosen);
    add_argument(sub, "PATTERN", args->patterns, "What to print: weather.oslo, weather.*, weather.> or >");
    add_intake(sub, args->from, "End after N messages");
    add_flag(sub, "--last", args->last,
             "Ask publishers for the last messages that they keep, which come first");
    add_value(sub, "--format", "FORMAT",
              "What to print: %t topic, %p message, %n number, %i publisher, %l last or live (%t %p\\n)",
              [args](const auto& text) { args->format.emplace("--format", text); });
    add_value(sub, "--topic-sep", "CHARACTER", "What stands between the words of topics (.)",
              [args](const auto& text) { args->separator = parse_separator("--topic-sep", text); });
}

}  // namespace leat::command

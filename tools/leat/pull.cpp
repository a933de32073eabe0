#include "grace.hpp"
#include "intake.hpp"
#include "json.hpp"
#include "output.hpp"
#include "parse.hpp"
#include "progress.hpp"
#include "subcommands.hpp"

#include <leat/codec.hpp>
#include <leat/context.hpp>
#include <leat/pipeline/puller.hpp>

#include <algorithm>

namespace leat::command {
namespace {

class pull_job {
public:
    pull_job(const intake& args, environment& env)
        : args_(args),
          env_(env),
          ctx_({.on_warning = [this](const std::string& text) { env_.err.say(text); }}),
          grace_(ctx_.background(), env.stop, args.with.linger),
          in_(ctx_, options()),
          out_(env.out, grace_.over()) {}

    exit_code run() {
        tell_bound(env_.err, args_.with.bind, in_.bound());
        std::string broken;
        auto how = status::ok;
        {
            const progress shown{env_.err, ctx_.background(), [this] { return sample(); }};
            try {
                how = receive_all();
                flush();
            } catch (const failure& wrong) {
                broken = wrong.what();
            }
        }
        const auto lost = in_.close() + unprinted_;
        if (undecodable_ > 0) env_.err.say(count_of(undecodable_) + " in all that are not msgpack");
        if (!broken.empty()) {
            env_.err.say(broken + "; of " + count_of(printed_ + lost) + " received, up to " +
                         format_number(unflushed_ + lost) + " were not written");
            return exit_code::failed;
        }
        return ended(how, lost);
    }

private:
    pull_options options() const {
        pull_options o{.bind = args_.with.bind, .connect = args_.with.connect, .stop = env_.stop};
        o.socket.insecure = args_.with.insecure;
        // What has arrived beyond the count is lost, so little is to arrive.
        const auto most = static_cast<std::uint64_t>(socket_options{}.receive_high_water_mark());
        if (args_.count < most) o.socket.receive_frames = static_cast<int>(args_.count);
        return o;
    }

    status receive_all() {
        bytes frame;
        while (printed_ < args_.count) {
            if (env_.stop.stop_requested() && grace_.end().passed()) return status::stopped;
            auto why = in_.receive(frame, deadline::now());
            if (why == status::timeout) {
                flush();
                why = in_.receive(frame,
                                  args_.with.timeout ? deadline{*args_.with.timeout} : deadline::never());
            }
            if (why != status::ok) return why;
            print(frame);
        }
        return status::ok;
    }

    void print(const bytes& frame) {
        if (args_.with.json) return print_objects(frame);
        out_.write(frame.text());
        end_message();
    }

    void print_objects(const bytes& frame) {
        decoder<msgpack::object> objects{frame.view()};
        msgpack::object object;
        bool any = false;
        for (; objects.next(object); any = true) {
            if (printed_ == args_.count) {
                ++unprinted_;
                continue;
            }
            text_.clear();
            msgpack_to_json(object, text_);
            out_.write(text_);
            end_message();
        }
        const auto fault = msgpack_fault(objects, any);
        if (!fault || ++undecodable_ > 1) return;  // the first one says enough
        env_.err.say("a message of " + count_of(frame.size(), "byte") + " is not msgpack: " + *fault);
    }

    void end_message() {
        out_.write(args_.with.delimiter);
        ++printed_;
        ++unflushed_;
    }

    void flush() {
        out_.flush();
        unflushed_ = 0;
    }

    exit_code ended(status how, std::uint64_t lost) {
        const auto also_lost =
            lost == 0 ? std::string{}
                      : "; " + count_of(lost) + " that had arrived " + (lost == 1 ? "is" : "are") + " lost";
        const auto code = undecodable_ > 0 ? exit_code::failed : exit_code::done;
        if (how == status::timeout) {
            env_.err.say(args_.timed_out(printed_) + also_lost);
            return exit_code::timed_out;
        }
        if (how == status::ok) {
            if (lost > 0) env_.err.say("ended after " + count_of(printed_) + also_lost);
            return code;
        }
        if (!args_.counts() && lost == 0) return code;
        env_.err.say("stopped: " + args_.received(printed_) + also_lost);
        return exit_code::failed;
    }

    progress_sample sample() const {
        progress_sample now{.messages = in_.counts().messages_received.value()};
        if (args_.counts()) now.done = static_cast<double>(now.messages) / static_cast<double>(args_.count);
        return now;
    }

    const intake& args_;
    environment& env_;
    context ctx_;
    grace grace_;
    puller<bytes> in_;
    output out_;
    std::string text_;
    std::uint64_t printed_ = 0;
    std::uint64_t unflushed_ = 0;  // of those, since the last flush
    std::uint64_t unprinted_ = 0;  // objects of the last frame beyond the count
    std::uint64_t undecodable_ = 0;
};

}  // namespace

void declare_pull(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<intake>();
    auto& sub = add_subcommand(
        app, "pull", "Print each message that peers send, on a line of its own",
        "  leat pull -b tcp://127.0.0.1:5555\n"
        "  leat pull -c tcp://10.0.0.7:5555 --count 10 --timeout 5s\n"
        "  leat pull --json -b tcp://127.0.0.1:5555 | jq .id\n"
        "  leat pull --null -b ipc:///run/thumbs.sock | xargs -0 -n1 convert\n",
        [args]() -> action {
            args->with.check();
            return [args](environment& env) { return pull_job{*args, env}.run(); };
        },
        chosen);
    add_intake(sub, *args, "End after N messages; what has arrived beyond them is lost, and counted");
}

}  // namespace leat::command

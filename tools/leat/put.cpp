#include "json.hpp"
#include "line_reader.hpp"
#include "parse.hpp"
#include "queue_peer.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>
#include <leat/queue/producer.hpp>

namespace leat::command {
namespace {

struct put_arguments {
    queue_peer to;
    std::string data = "-";
    put_options how;
    bool json = false;
    char delimiter = '\n';
    std::chrono::microseconds timeout = std::chrono::seconds{10};
};

class put_job {
public:
    put_job(const put_arguments& args, environment& env)
        : args_(args),
          env_(env),
          ctx_({.on_warning = [&env](const std::string& text) { env.err.say(text); }}),
          out_(ctx_, args.to.at(), {.queue = args.to.name, .linger = std::chrono::milliseconds{0}}),
          lines_(env.in, "standard input", args.delimiter, socket_options{}.max_message),
          stop_(env.stop) {}

    exit_code run() {
        const std::stop_callback ends{env_.stop, [this] { out_.close(deadline::now()); }};
        bool in_time = true;
        std::string broken;
        try {
            in_time = put_all();
        } catch (const failure& wrong) {
            broken = wrong.what();
        }
        const auto undecided = in_time ? flush() : out_.unconfirmed();
        tell_refused();
        if (!broken.empty()) env_.err.say(broken + "; " + count_of(put_) + " before it were put");
        if (refused_ > 1) env_.err.say(count_of(refused_) + " of " + format_number(put_) + " were refused");
        if (stop_.stopped()) {
            env_.err.say("stopped: " + count_of(undecided) + " may be stored or not");
            return exit_code::failed;
        }
        if (!in_time || undecided > 0) {
            env_.err.say("timed out: the queue has not answered for " + format_duration(args_.timeout) +
                         "; of " + format_number(put_) + " put, " + format_number(undecided) +
                         " may be stored or not");
            return exit_code::timed_out;
        }
        return refused_ > 0 || !broken.empty() ? exit_code::failed : exit_code::done;
    }

private:
    bool put_all() {
        if (args_.data != "-") return put(args_.data);
        std::string_view line;
        while (lines_.next(line, stop_) == line_reader::outcome::line) {
            if (!put(line)) return false;
        }
        return true;
    }

    /// Waits for all verdicts, as long as some come; returns how many lack.
    std::size_t flush() {
        for (;;) {
            const auto before = out_.unconfirmed();
            const auto left = out_.flush(args_.timeout);
            if (left == 0 || left >= before || stop_.stopped()) return left;
        }
    }

    /// False when the queue has taken nothing for the whole timeout.
    bool put(std::string_view text) {
        const auto body = body_of(text);
        while (out_.try_put(body, args_.how) != status::ok) {
            if (stop_.stopped()) return false;
            const auto before = out_.unconfirmed();
            if (out_.flush(args_.timeout) >= before && before > 0) return false;
            tell_refused();
        }
        constexpr std::uint64_t some = 256;
        if (++put_ % some == 0) tell_refused();
        return true;
    }

    bytes body_of(std::string_view text) {
        if (!args_.json) return bytes{text};
        object_.clear();
        json_to_msgpack(text, object_);
        return bytes{object_.view()};
    }

    void tell_refused() {
        for (const auto& one : out_.take_refused()) {
            if (refused_++ > 0) continue;  // the first one says enough
            const std::string why{to_string(one.why)};
            env_.err.say("refused: " + (one.text.empty() || one.text == why ? why : why + ": " + one.text));
        }
    }

    const put_arguments& args_;
    environment& env_;
    context ctx_;
    producer<bytes> out_;
    line_reader lines_;
    stop_event stop_;
    buffer object_;
    std::uint64_t put_ = 0, refused_ = 0;
};

void add_header(put_options& to, const std::string& text) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
        throw usage_error{"--header is '" + text + "'; a header is NAME=VALUE"};
    to.headers[text.substr(0, equals)] = text.substr(equals + 1);
}

}  // namespace

void declare_put(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<put_arguments>();
    auto& sub = add_subcommand(
        app, "put", "Put a message into a queue, or each line of standard input, and wait for all confirms",
        "  leat put -c tcp://127.0.0.1:5600 thumbs photo.jpg\n"
        "  leat put -c tcp://127.0.0.1:5600 thumbs < photos.txt\n"
        "  leat put -c ipc:///run/jobs.sock mail --json --key ann --delay 10m '{\"to\":\"ann\"}'\n",
        [args]() -> action {
            args->to.check();
            return [args](environment& env) { return put_job{*args, env}.run(); };
        },
        chosen);
    add_queue_peer(sub, args->to);
    add_argument(sub, "DATA", args->data, "The message; - or none: each line of standard input");
    add_value(sub, "-k,--key", "KEY", "Messages of one key are handled one by one, in order",
              [args](const auto& text) { args->how.key = text; });
    add_value(sub, "-p,--priority", "0-9", "9 first (4)", [args](const auto& text) {
        if (text.size() != 1 || text[0] < '0' || text[0] > '9')
            throw usage_error{"--priority is '" + text + "'; allowed are 0 to 9"};
        args->how.priority = text[0] - '0';
    });
    add_value(sub, "--ttl", "TIME", "It expires when it has waited for so long",
              [args](const auto& text) { args->how.ttl = parse_duration("--ttl", text); });
    add_value(sub, "--delay", "TIME", "It is not handed out before",
              [args](const auto& text) { args->how.delay = parse_duration("--delay", text); });
    add_value(sub, "--id", "ID", "It is stored once for each id, for as long as the queue remembers",
              [args](const auto& text) { args->how.id = text; });
    add_values(sub, "--header", "NAME=VALUE", "A header; repeatable",
               [args](const auto& text) { add_header(args->how, text); });
    add_flag(sub, "--json", args->json, "Messages are JSON here, and msgpack on the wire");
    add_flag(
        sub, "-0,--null", [args] { args->delimiter = '\0'; }, "Lines end with NUL instead of a newline");
    add_value(sub, "--timeout", "TIME", "Give up when the queue has not answered for so long (10s)",
              [args](const auto& text) { args->timeout = parse_duration("--timeout", text); });
}

}  // namespace leat::command

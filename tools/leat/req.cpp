#include "json.hpp"
#include "line_reader.hpp"
#include "output.hpp"
#include "parse.hpp"
#include "peers.hpp"
#include "servers.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>
#include <leat/reqrep/client.hpp>

#include <deque>
#include <future>
#include <limits>
#include <optional>

namespace leat::command {
namespace {

struct req_arguments {
    servers with;
    std::string data = "-";
    std::string method;
    std::optional<std::uint64_t> count;
    std::uint64_t parallel = 1;
    bool plain = false;
    bool idempotent = false;
    bool json = false;
    char delimiter = '\n';
};

/// Asks for each line of standard input, or for one text several times, and prints the replies in order.
class req_job {
public:
    req_job(const req_arguments& args, environment& env)
        : args_(args),
          env_(env),
          ctx_({.on_warning = [&env](const std::string& text) { env.err.say(text); }}),
          asks_(ctx_, options()),
          lines_(env.in, "standard input", args.delimiter, socket_options{}.max_message),
          stop_(env.stop),
          out_(env.out, env.stop) {}

    exit_code run() {
        tell_bound(env_.err, args_.with.bind, asks_.bound());
        const auto most =
            args_.count.value_or(args_.data == "-" ? std::numeric_limits<std::uint64_t>::max() : 1);
        for (std::uint64_t i = 0; i < most; ++i) {
            std::string_view text = args_.data;
            if (args_.data == "-" && lines_.next(text, stop_) != line_reader::outcome::line) break;
            if (stop_.stopped()) break;
            open_.push_back(asks_.async<bytes>(args_.method, body_of(text), args_.with.timeout, how()));
            while (open_.size() >= args_.parallel) take();
        }
        while (!open_.empty()) take();
        out_.flush();
        if (stop_.stopped() && code_ == exit_code::done) return exit_code::failed;
        return code_;
    }

private:
    request_options options() const {
        request_options o{
            .connect = args_.with.connect, .bind = args_.with.bind, .plain = args_.plain, .stop = env_.stop};
        o.socket.insecure = args_.with.insecure;
        return o;
    }

    call_options how() const { return {.idempotent = args_.idempotent}; }

    bytes body_of(std::string_view text) {
        if (!args_.json) return bytes{text};
        object_.clear();
        json_to_msgpack(text, object_);
        return bytes{object_.view()};
    }

    /// Waits for the oldest call and prints its reply.
    void take() {
        const auto end = open_.front().get();
        open_.pop_front();
        if (!end) {
            env_.err.say(describe(end));
            if (code_ == exit_code::done) code_ = code_of(end.why());
            return;
        }
        if (args_.json) {
            print_json(*end);
        } else {
            out_.write(end->text());
        }
        out_.write(std::string_view{&args_.delimiter, 1});
        if (args_.parallel == 1) out_.flush();
    }

    void print_json(const bytes& reply) {
        decoder<msgpack::object> objects{reply.view()};
        msgpack::object object;
        std::string text;
        if (!objects.next(object)) {
            env_.err.say("the reply is not msgpack; without --json it is printed as it is");
            code_ = exit_code::failed;
            return;
        }
        msgpack_to_json(object, text);
        out_.write(text);
    }

    const req_arguments& args_;
    environment& env_;
    context ctx_;
    client asks_;
    line_reader lines_;
    stop_event stop_;
    output out_;
    buffer object_;
    std::deque<std::future<answer<bytes>>> open_;
    exit_code code_ = exit_code::done;
};

}  // namespace

void declare_req(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<req_arguments>();
    auto& sub = add_subcommand(
        app, "req", "Send a request, or each line of standard input as one, and print the replies",
        "  leat req -c tcp://10.0.0.7:5555 'what time is it'\n"
        "  leat req -c tcp://10.0.0.7:5555 --parallel 8 < questions.txt\n"
        "  leat req --json -c ipc:///run/calc.sock --method add '[2, 3]'\n"
        "  leat req --json -c ipc:///run/calc.sock --method leat.describe null\n",
        [args]() -> action {
            args->with.check();
            return [args](environment& env) { return req_job{*args, env}.run(); };
        },
        chosen);
    add_argument(sub, "DATA", args->data, "The request; - or none: each line of standard input");
    add_servers(sub, args->with);
    add_value(sub, "-m,--method", "NAME", "The service's method",
              [args](const auto& text) { args->method = text; });
    add_value(sub, "-n,--count", "N", "Send DATA so often, or no more than N lines",
              [args](const auto& text) { args->count = parse_count("--count", text); });
    add_value(sub, "-p,--parallel", "P", "Requests under way at a time (1); replies keep their order",
              [args](const auto& text) { args->parallel = parse_count("--parallel", text); });
    add_flag(sub, "--idempotent", args->idempotent, "Ask another server when one is lost");
    add_flag(sub, "--plain", args->plain, "The server is a plain REP socket");
    add_flag(sub, "--json", args->json, "Requests and replies are msgpack on the wire, and JSON here");
    add_flag(
        sub, "-0,--null", [args] { args->delimiter = '\0'; }, "Lines end with NUL instead of a newline");
}

}  // namespace leat::command

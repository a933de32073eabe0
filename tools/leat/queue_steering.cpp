#include "queue_steering.hpp"

#include "output.hpp"
#include "parse.hpp"

namespace leat::command {

CLI::App& add_steering(CLI::App& app, const std::string& name, const std::string& about, std::string examples,
                       steered work, action& chosen) {
    const auto args = std::make_shared<steering>();
    auto& sub = add_subcommand(
        app, name, about, std::move(examples),
        [args, work = std::move(work)]() -> action {
            args->of.check();
            return [args, work](environment& env) {
                context ctx{{.on_warning = [&env](const std::string& text) { env.err.say(text); }}};
                queue_admin to{ctx, args->of.at(), {.queue = args->of.name}};
                // A call that waits is then answered with `closed`.
                const std::stop_callback ends{env.stop,
                                              [&ctx] { static_cast<void>(ctx.close(deadline::now())); }};
                output out{env.out, env.stop};
                out.write(work(to, *args));
                out.flush();
                return exit_code::done;
            };
        },
        chosen);
    add_queue_peer(sub, args->of);
    add_flag(sub, "--json", args->json, "Print JSON");
    add_value(sub, "--timeout", "TIME", "Give up when the queue has not answered for so long (10s)",
              [args](const auto& text) { args->timeout = parse_duration("--timeout", text); });
    return sub;
}

void must_be_answered(status how, const steering& of) {
    switch (how) {
        case status::ok:
            return;
        case status::timeout:
            throw failure{"timed out: the queue has not answered for " + format_duration(of.timeout),
                          exit_code::timed_out};
        case status::no_peer:
            throw failure{"the connection broke before the answer: it may have been done or not"};
        default:
            throw failure{"stopped before the answer"};
    }
}

}  // namespace leat::command

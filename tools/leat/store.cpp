#include "output.hpp"
#include "parse.hpp"
#include "subcommands.hpp"

#include <leat/queue/store_contents.hpp>

#include <nlohmann/json.hpp>

namespace leat::command {
namespace {

using nlohmann::json;

struct store_arguments {
    std::string directory;
    bool json = false;
};

json json_of(const stored_messages& some) {
    json all{{"messages", some.messages}, {"bytes", some.bytes}, {"records", some.records}};
    if (some.oldest)
        all["oldest_ms"] =
            std::chrono::duration_cast<std::chrono::milliseconds>(some.oldest->time_since_epoch()).count();
    return all;
}

std::string as_json(const store_contents& in) {
    auto all = json_of(in.messages);
    all.update({{"queue", in.queue},
                {"openings", in.openings},
                {"clean", in.clean},
                {"takes_paused", in.takes_paused},
                {"puts_paused", in.puts_paused},
                {"dead_letters", json_of(in.dead_letters)},
                {"producers", in.producers},
                {"ids", in.ids},
                {"admitted", in.messages.counts.admitted},
                {"acked", in.messages.counts.acked},
                {"file_bytes", in.file_bytes},
                {"damages", in.damages}});
    return all.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string as_text(const store_contents& in) {
    return "queue " + in.queue + ", opened " + count_of(in.openings, "time") +
           (in.clean ? ", closed in good order\n" : ", not closed\n") + count_of(in.messages.messages) +
           " of " + count_of(in.messages.bytes, "byte") + " in " + count_of(in.messages.records, "record") +
           "\n" + count_of(in.dead_letters.messages, "dead letter") + " of " +
           count_of(in.dead_letters.bytes, "byte") + "\n" + count_of(in.producers, "producer") + " and " +
           count_of(in.ids, "message id") + " remembered\n" + count_of(in.file_bytes, "byte") + " of file\n";
}

/// `bodies`: all of the file is read, and damage is a failure.
exit_code show(const store_arguments& args, bool bodies, environment& env) {
    const auto in = read_store(args.directory, bodies);
    output to{env.out, env.stop};
    to.write(args.json ? as_json(in) : as_text(in));
    to.flush();
    for (const auto& one : in.damages) env.err.say(one);
    return bodies && !in.damages.empty() ? exit_code::failed : exit_code::done;
}

void add(CLI::App& app, const std::string& name, const std::string& about, std::string example, bool bodies,
         action& chosen) {
    const auto args = std::make_shared<store_arguments>();
    auto& sub = add_subcommand(
        app, name, about, std::move(example),
        [args, bodies]() -> action {
            if (args->directory.empty()) throw usage_error{"needs the DIRECTORY of a queue"};
            return [args, bodies](environment& env) { return show(*args, bodies, env); };
        },
        chosen);
    sub.add_option("DIRECTORY", args->directory, "Of a queue: what has data.mdb in it")->type_name("");
    sub.add_flag("--json", args->json, "Print JSON");
}

}  // namespace

void declare_store(CLI::App& app, action& chosen) {
    auto& sub = *app.add_subcommand("store", "Look into the directory of a queue that is not open");
    sub.allow_extras();  // `run` tells of them
    sub.footer(
        "Examples:\n"
        "  leat store info /var/lib/queues/thumbs\n"
        "  leat store verify /var/lib/queues/thumbs\n\n"
        "Nothing of it is changed.");
    add(sub, "info", "Print what is in it",
        "  leat store info /var/lib/queues/thumbs\n"
        "  leat store info /var/lib/queues/thumbs --json | jq .messages\n",
        false, chosen);
    add(sub, "verify", "Check all of it, and name what is damaged: exit status 1 if anything is",
        "  leat store verify /var/lib/queues/thumbs && rsync -a /var/lib/queues/thumbs backup:\n", true,
        chosen);
}

}  // namespace leat::command

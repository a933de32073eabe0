#include "output.hpp"
#include "parse.hpp"
#include "subcommands.hpp"

#include <leat/queue/store_compaction.hpp>
#include <leat/queue/store_contents.hpp>
#include <leat/queue/store_salvage.hpp>

#include <nlohmann/json.hpp>

namespace leat::command {
namespace {

using nlohmann::json;

struct store_arguments {
    std::string directory, to, name;
    bool json = false;
};

std::string as_line(const json& all) {
    return all.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

void print(const std::string& text, environment& env) {
    output to{env.out, env.stop};
    to.write(text);
    to.flush();
}

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
    return as_line(all);
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
    print(args.json ? as_json(in) : as_text(in), env);
    for (const auto& one : in.damages) env.err.say(one);
    return bodies && !in.damages.empty() ? exit_code::failed : exit_code::done;
}

exit_code compact(const store_arguments& args, environment& env) {
    const auto done = compact_store(args.directory);
    print(args.json ? as_line({{"before_bytes", done.before}, {"after_bytes", done.after}})
                    : "was " + count_of(done.before, "byte") + ", is " + count_of(done.after, "byte") + "\n",
          env);
    return exit_code::done;
}

json json_of(const salvaged_messages& some) {
    json all{{"saved", some.saved}, {"bytes", some.bytes}, {"lost", nullptr}, {"again", some.again}};
    if (some.lost) all["lost"] = *some.lost;
    return all;
}

json json_of(const lost_record& one) {
    json all{{"table", one.dead_letters ? "1.records" : "0.records"},
             {"record", one.number},
             {"messages", nullptr},
             {"why", one.why}};
    if (one.messages) all["messages"] = *one.messages;
    return all;
}

std::string as_json(const store_salvage& told) {
    json records = json::array();
    for (const auto& one : told.records) records.push_back(json_of(one));
    return as_line({{"queue", told.queue},
                    {"messages", json_of(told.messages)},
                    {"dead_letters", json_of(told.dead_letters)},
                    {"producers", told.producers},
                    {"ids", told.ids},
                    {"lost_records", std::move(records)},
                    {"damages", told.damages}});
}

std::string as_text(const salvaged_messages& some, const std::string& noun) {
    return count_of(some.saved, noun) + " of " + count_of(some.bytes, "byte") + " saved, " +
           (some.lost ? format_number(*some.lost) : "an unknown number") + " lost" +
           (some.again > 0 ? "; " + format_number(some.again) + " of those saved had ended, and come again\n"
                           : "\n");
}

std::string as_text(const store_salvage& told) {
    auto all = "queue " + told.queue + "\n" + as_text(told.messages, "message") +
               as_text(told.dead_letters, "dead letter") + count_of(told.producers, "producer") + " and " +
               count_of(told.ids, "message id") + " remembered\n";
    for (const auto& one : told.records)
        all += std::string{one.dead_letters ? "lost: dead letters, record " : "lost: record "} +
               std::to_string(one.number) + ", " +
               (one.messages ? count_of(*one.messages) : "an unknown number of messages") + ": " + one.why +
               "\n";
    return all;
}

exit_code salvage(const store_arguments& args, environment& env) {
    const auto told = salvage_store(args.directory, args.to, args.name);
    print(args.json ? as_json(told) : as_text(told), env);
    for (const auto& one : told.damages) env.err.say(one);
    return told.whole() ? exit_code::done : exit_code::failed;
}

using store_action = exit_code (*)(const store_arguments&, environment&);

struct added {
    CLI::App& app;
    std::shared_ptr<store_arguments> args;
};

added add(CLI::App& app, const std::string& name, const std::string& about, std::string example,
          store_action run, action& chosen) {
    const auto args = std::make_shared<store_arguments>();
    const bool two = name == "salvage";
    auto& sub = add_subcommand(
        app, name, about, std::move(example),
        [args, run, two]() -> action {
            if (args->directory.empty()) throw usage_error{"needs the DIRECTORY of a queue"};
            if (two && args->to.empty())
                throw usage_error{"needs the NEW directory, which is not there yet or empty"};
            return [args, run](environment& env) { return run(*args, env); };
        },
        chosen);
    add_argument(sub, "DIRECTORY", args->directory, "Of a queue: what has data.mdb in it");
    add_flag(sub, "--json", args->json, "Print JSON");
    return {sub, args};
}

}  // namespace

void declare_store(CLI::App& app, action& chosen) {
    auto& sub = add_group(app, "store", "Look into and repair the directory of a queue that is not open",
                          "Examples:\n"
                          "  leat store info /var/lib/queues/thumbs\n"
                          "  leat store verify /var/lib/queues/thumbs\n"
                          "  leat store compact /var/lib/queues/thumbs\n"
                          "  leat store salvage /var/lib/queues/thumbs /var/lib/queues/saved/thumbs\n\n"
                          "Only compact changes anything of DIRECTORY.");
    add(
        sub, "info", "Print what is in it",
        "  leat store info /var/lib/queues/thumbs\n"
        "  leat store info /var/lib/queues/thumbs --json | jq .messages\n",
        [](const store_arguments& args, environment& env) { return show(args, false, env); }, chosen);
    add(
        sub, "verify", "Check all of it, and name what is damaged: exit status 1 if anything is",
        "  leat store verify /var/lib/queues/thumbs && rsync -a /var/lib/queues/thumbs backup:\n",
        [](const store_arguments& args, environment& env) { return show(args, true, env); }, chosen);
    add(sub, "compact", "Make its file as small as what is in it",
        "  leat store compact /var/lib/queues/thumbs\n", &compact, chosen);
    const auto [salvaging, args] =
        add(sub, "salvage",
            "Copy what is good of a damaged one to a NEW directory: exit status 1 if messages are lost",
            "  leat store salvage /var/lib/queues/thumbs /var/lib/queues/saved/thumbs\n", &salvage, chosen);
    add_argument(salvaging, "NEW", args->to, "A directory that is not there yet, or empty");
    add_value(salvaging, "--name", "NAME", "Of the queue, when that is damaged too",
              [to = args](const auto& text) { to->name = text; });
}

}  // namespace leat::command

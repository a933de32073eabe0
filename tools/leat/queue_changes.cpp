#include "parse.hpp"
#include "queue_steering.hpp"
#include "queue_subcommands.hpp"

#include <limits>

namespace leat::command {
namespace {

struct redrive_arguments {
    letter_selection which;
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

death parse_death(const std::string& text) {
    for (const auto one : {death::attempts, death::lost, death::rejected, death::expired}) {
        if (to_string(one) == text) return one;
    }
    throw usage_error{"--why is '" + text + "'; allowed are attempts, lost, rejected and expired"};
}

void declare_redrive(CLI::App& queue, action& chosen) {
    const auto args = std::make_shared<redrive_arguments>();
    auto& sub = add_steering(
        queue, "redrive", "Send dead letters back to the queue, all or those that meet every condition",
        "  leat queue redrive -c tcp://127.0.0.1:5600 thumbs\n"
        "  leat queue redrive -c tcp://127.0.0.1:5600 thumbs --why rejected --older-than 10m --count 100\n",
        [args](queue_admin& to, const steering& how) {
            const auto all = answered(to.redrive(args->which, args->most, how.timeout), how);
            const auto moved = std::to_string(all.moved), left = std::to_string(all.left);
            return how.json ? "{\"moved\":" + moved + ",\"left\":" + left + "}\n"
                            : "moved " + moved + ", left " + left + "\n";
        },
        chosen);
    add_value(sub, "--why", "REASON", "attempts, lost, rejected or expired",
              [args](const auto& text) { args->which.why = parse_death(text); });
    add_value(sub, "--key", "KEY", "Of this key", [args](const auto& text) { args->which.key = text; });
    add_value(sub, "--older-than", "TIME", "Dead for at least so long",
              [args](const auto& text) { args->which.older_than = parse_duration("--older-than", text); });
    add_values(sub, "--seq", "N", "This one, as `leat queue dead` shows it; repeatable",
               [args](const auto& text) { args->which.seqs.push_back(parse_count("--seq", text)); });
    add_value(sub, "-n,--count", "N", "No more than N, the oldest first",
              [args](const auto& text) { args->most = parse_count("--count", text); });
}

void declare_purge(CLI::App& queue, action& chosen) {
    const auto dead = std::make_shared<bool>(false);
    auto& sub = add_steering(
        queue, "purge", "Drop the messages of a queue that nobody holds",
        "  leat queue purge -c tcp://127.0.0.1:5600 thumbs\n"
        "  leat queue purge -c tcp://127.0.0.1:5600 thumbs --dead\n",
        [dead](queue_admin& to, const steering& how) {
            const auto gone =
                answered(*dead ? to.purge_dead_letters(how.timeout) : to.purge(how.timeout), how);
            return how.json ? "{\"purged\":" + std::to_string(gone) + "}\n"
                            : "purged " + std::to_string(gone) + "\n";
        },
        chosen);
    add_flag(sub, "--dead", *dead, "Its dead letters instead");
}

struct pause_arguments {
    bool puts = false;
    bool takes = false;
};

void declare_pause(CLI::App& queue, bool on, action& chosen) {
    const std::string name = on ? "pause" : "resume";
    const auto args = std::make_shared<pause_arguments>();
    auto& sub = add_steering(
        queue, name,
        on ? "Refuse puts and hand nothing out until resumed; outcomes go on"
           : "Take puts and hand out again",
        "  leat queue " + name + " -c tcp://127.0.0.1:5600 thumbs\n" + "  leat queue " + name +
            " -c tcp://127.0.0.1:5600 thumbs --takes\n",
        [args, on](queue_admin& to, const steering& how) {
            const bool both = args->puts == args->takes;
            if (both || args->puts) must_be_answered(to.pause_puts(on, how.timeout), how);
            if (both || args->takes) must_be_answered(to.pause_takes(on, how.timeout), how);
            return std::string{how.json ? "{}\n" : ""};
        },
        chosen);
    add_flag(sub, "--puts", args->puts, "Puts only");
    add_flag(sub, "--takes", args->takes, "Takes only");
}

}  // namespace

void declare_queue_changes(CLI::App& queue, action& chosen) {
    declare_redrive(queue, chosen);
    declare_purge(queue, chosen);
    declare_pause(queue, true, chosen);
    declare_pause(queue, false, chosen);
}

}  // namespace leat::command

#include "run.hpp"

#include "nearest.hpp"
#include "options.hpp"
#include "output.hpp"
#include "subcommands.hpp"

#include <leat/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>

namespace leat::command {
namespace {

std::vector<std::string> names_of_subcommands(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(sub->get_name());
    return names;
}

std::vector<std::string> names_of_options(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

std::string joined(const std::vector<std::string>& words) {
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) all += i + 1 == words.size() ? " or " : ", ";
        all += words[i];
    }
    return all;
}

std::vector<std::string> names_of_positionals(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options()) {
        if (option->get_positional()) names.push_back(option->get_name(true));
    }
    return names;
}

/// What is wrong with a word that nothing takes.
std::string unknown(const CLI::App& app, const std::string& word) {
    const bool is_option = word.size() > 1 && word.front() == '-';
    if (is_option) {
        const auto name = word.substr(0, word.find('='));
        const auto near = nearest(name, names_of_options(app));
        return "unknown option '" + name + "'; " +
               (near.empty() ? "see " + app.get_name() + " --help" : "did you mean " + near + "?");
    }
    const auto names = names_of_subcommands(app);
    if (names.empty()) {
        std::string takes;
        for (const auto& name : names_of_positionals(app)) takes += name + ", ";
        return "unexpected '" + word + "'; it takes " + takes + (takes.empty() ? "options only" : "options") +
               ", see --help";
    }
    const auto near = nearest(word, names);
    return "unknown subcommand '" + word + "'; " +
           (near.empty() ? "there are " + joined(names) : "did you mean " + near + "?");
}

/// CLI11's errors in the command's own words.
std::string reworded(const CLI::ParseError& wrong) {
    const std::string text = wrong.what();
    const auto name = text.substr(0, text.find(':'));
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&wrong) != nullptr) {
        if (text.find("missing") != std::string::npos || text.find("At least") != std::string::npos)
            return name + " needs a value";
        if (text.find("At Most") != std::string::npos) return name + " is given more than once";
    }
    return text;
}

void print(environment& env, const std::string& text) {
    output to{env.out, env.stop};
    to.write(text);
    to.flush();
}

void say_lines(console& err, std::string_view text) {
    for (;;) {
        const auto end = text.find('\n');
        err.say(text.substr(0, end));
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
    }
}

exit_code parse_and_run(std::vector<std::string>& words, environment& env) {
    CLI::App app{"Sends, receives and forwards messages over ZeroMQ, a message a line.", "leat"};
    app.allow_extras();
    app.option_defaults()->always_capture_default(false);
    app.get_formatter()->column_width(28);
    app.footer(
        "leat SUBCOMMAND --help tells of each one, with examples.\n\n"
        "Exit status: 0 done, 1 failed at run time, 2 wrong usage, 3 timed out.");
    app.set_version_flag("--version", version_line(), "Print leat's version and exit");
    action chosen;
    declare_push(app, chosen);
    declare_pull(app, chosen);
    declare_pub(app, chosen);
    declare_sub(app, chosen);
    declare_req(app, chosen);
    declare_rep(app, chosen);
    declare_ping(app, chosen);
    declare_put(app, chosen);
    declare_take(app, chosen);
    declare_queue(app, chosen);
    declare_store(app, chosen);
    declare_transfer(app, chosen);
    declare_forward(app, chosen);
    declare_check(app, chosen);
    declare_version(app, chosen);

    std::vector<const CLI::App*> path{&app};
    std::string name = "leat";
    for (const auto& word : words) {
        const auto names = names_of_subcommands(*path.back());
        if (std::count(names.begin(), names.end(), word) == 0) break;
        path.push_back(path.back()->get_subcommand(word));
        name += " " + word;
        env.err.name(name);
    }
    const auto* const where = path.back();
    try {
        std::reverse(words.begin(), words.end());
        app.parse(std::move(words));
    } catch (const CLI::CallForVersion&) {
        print(env, version_line() + "\n");
        return exit_code::done;
    } catch (const CLI::Success&) {
        print(env, where->help(where == &app ? "" : name.substr(0, name.rfind(' '))));
        return exit_code::done;
    } catch (const CLI::ParseError& wrong) {
        throw usage_error{reworded(wrong)};
    }
    for (const auto* one : path) {
        if (const auto rest = one->remaining(); !rest.empty()) throw usage_error{unknown(*one, rest.front())};
    }
    if (!chosen)
        throw usage_error{"needs a subcommand: " + joined(names_of_subcommands(*where)) + "; see " + name +
                          " --help"};
    return chosen(env);
}

}  // namespace

exit_code run(std::vector<std::string> words, environment& env) noexcept {
    try {
        return parse_and_run(words, env);
    } catch (const failure& wrong) {
        say_lines(env.err, wrong.what());
        return wrong.code();
    } catch (const error& wrong) {
        const bool usage = wrong.kind() == errc::bad_endpoint || wrong.kind() == errc::bad_option ||
                           wrong.kind() == errc::insecure_bind;
        env.err.say(wrong.what());
        return usage ? exit_code::usage : exit_code::failed;
    } catch (const std::exception& wrong) {
        env.err.say(wrong.what());
        return exit_code::failed;
    }
}

}  // namespace leat::command

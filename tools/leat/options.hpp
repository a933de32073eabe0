#pragma once

#include "environment.hpp"
#include "exit_code.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <string_view>

// How subcommands declare their options to CLI11. Included by the sources of subcommands only.

namespace leat::command {

/// What the command line asks for, once it has been understood.
using action = std::function<exit_code(environment&)>;

/// Adds a subcommand. `make` checks the options together and returns what to do.
inline CLI::App& add_subcommand(CLI::App& app, const std::string& name, const std::string& about,
                                std::string examples, std::function<action()> make, action& chosen) {
    auto& sub = *app.add_subcommand(name, about);
    sub.allow_extras();  // `run` tells of them
    sub.footer("Examples:\n" + std::move(examples));
    sub.callback([&sub, &chosen, make = std::move(make)] {
        if (sub.remaining().empty()) chosen = make();
    });
    return sub;
}

/// Adds an option with one value each time it is given, which `take` reads.
inline CLI::Option* add_value(CLI::App& sub, const std::string& names, const std::string& what,
                              const std::string& about, std::function<void(const std::string&)> take) {
    return sub.add_option_function<std::string>(names, std::move(take), about)->type_name(what);
}

/// The same for one that can be given several times.
inline CLI::Option* add_values(CLI::App& sub, const std::string& names, const std::string& what,
                               const std::string& about, std::function<void(const std::string&)> take) {
    return sub
        .add_option_function<std::vector<std::string>>(
            names,
            [take = std::move(take)](const std::vector<std::string>& all) {
                for (const auto& one : all) take(one);
            },
            about)
        ->type_name(what)
        ->allow_extra_args(false);
}

}  // namespace leat::command

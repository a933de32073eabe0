#pragma once

#include "environment.hpp"
#include "exit_code.hpp"

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

// How subcommands declare their options. CLI11 itself, which takes long to compile, is for options.cpp and
// run.cpp.

namespace leat::command {

/// What the command line asks for, once it has been understood.
using action = std::function<exit_code(environment&)>;

/// Adds a subcommand. `make` checks the options together and returns what to do.
CLI::App& add_subcommand(CLI::App& app, const std::string& name, const std::string& about,
                         std::string examples, std::function<action()> make, action& chosen);

/// Adds a subcommand that has subcommands only.
CLI::App& add_group(CLI::App& app, const std::string& name, const std::string& about, std::string footer);

/// Adds an option with one value each time it is given, which `take` reads.
void add_value(CLI::App& sub, const std::string& names, const std::string& what, const std::string& about,
               std::function<void(const std::string&)> take);

/// The same for one that can be given several times.
void add_values(CLI::App& sub, const std::string& names, const std::string& what, const std::string& about,
                std::function<void(const std::string&)> take);

/// Adds an option without a value, which sets `to` or calls `then`.
void add_flag(CLI::App& sub, const std::string& names, bool& to, const std::string& about);
void add_flag(CLI::App& sub, const std::string& names, std::function<void()> then, const std::string& about);

/// Adds a word that has its place on the command line, or all the words there.
void add_argument(CLI::App& sub, const std::string& name, std::string& to, const std::string& about);
void add_argument(CLI::App& sub, const std::string& name, std::vector<std::string>& to,
                  const std::string& about);

/// The options that were given, by their names: "--bind".
[[nodiscard]] std::vector<std::string> given_options(const CLI::App& sub);

}  // namespace leat::command

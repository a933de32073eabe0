#include "options.hpp"

#include <CLI/CLI.hpp>

#include <utility>

namespace leat::command {

CLI::App& add_subcommand(CLI::App& app, const std::string& name, const std::string& about,
                         std::string examples, std::function<action()> make, action& chosen) {
    auto& sub = add_group(app, name, about, "Examples:\n" + std::move(examples));
    sub.callback([&sub, &chosen, make = std::move(make)] {
        if (sub.remaining().empty()) chosen = make();
    });
    return sub;
}

CLI::App& add_group(CLI::App& app, const std::string& name, const std::string& about, std::string footer) {
    auto& sub = *app.add_subcommand(name, about);
    sub.allow_extras();  // `run` tells of them
    sub.footer(std::move(footer));
    return sub;
}

void add_value(CLI::App& sub, const std::string& names, const std::string& what, const std::string& about,
               std::function<void(const std::string&)> take) {
    sub.add_option_function<std::string>(names, std::move(take), about)->type_name(what);
}

void add_values(CLI::App& sub, const std::string& names, const std::string& what, const std::string& about,
                std::function<void(const std::string&)> take) {
    sub.add_option_function<std::vector<std::string>>(
           names,
           [take = std::move(take)](const std::vector<std::string>& all) {
               for (const auto& one : all) take(one);
           },
           about)
        ->type_name(what)
        ->allow_extra_args(false);
}

void add_flag(CLI::App& sub, const std::string& names, bool& to, const std::string& about) {
    sub.add_flag(names, to, about);
}

void add_flag(CLI::App& sub, const std::string& names, std::function<void()> then, const std::string& about) {
    sub.add_flag_callback(names, std::move(then), about);
}

void add_argument(CLI::App& sub, const std::string& name, std::string& to, const std::string& about) {
    sub.add_option(name, to, about)->type_name("");
}

void add_argument(CLI::App& sub, const std::string& name, std::vector<std::string>& to,
                  const std::string& about) {
    sub.add_option(name, to, about)->type_name("");
}

std::vector<std::string> given_options(const CLI::App& sub) {
    std::vector<std::string> names;
    for (const auto* one : sub.get_options()) {
        if (one->count() > 0) names.push_back(one->get_name());
    }
    return names;
}

}  // namespace leat::command

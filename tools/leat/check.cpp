#include "forwarder_config.hpp"
#include "output.hpp"
#include "subcommands.hpp"

namespace leat::command {

void declare_check(CLI::App& app, action& chosen) {
    const auto file = std::make_shared<std::string>();
    auto& sub = add_subcommand(
        app, "check", "Check a configuration file of leat forward, and run nothing",
        "  leat check forwarder.toml && systemctl restart forwarder\n",
        [file]() -> action {
            if (file->empty()) throw usage_error{"needs a FILE"};
            return [file](environment& env) {
                const auto all = read_forwarder_config(*file);
                output out{env.out, env.stop};
                out.write(*file + ": " + summary(all) + "\n");
                out.flush();
                return exit_code::done;
            };
        },
        chosen);
    add_argument(sub, "FILE", *file,
                 "In TOML: [[relay]], [[queue]] and [[transfer]] tables; docs/forwarder.md has their keys");
}

}  // namespace leat::command

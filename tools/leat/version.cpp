#include "output.hpp"
#include "subcommands.hpp"

#include <leat/curve.hpp>

#include <zmq.h>
#include <msgpack.hpp>
#include <zmq.hpp>

namespace leat::command {
namespace {

std::string dotted(int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

exit_code print_versions(environment& env) {
    int major = 0, minor = 0, patch = 0;
    zmq_version(&major, &minor, &patch);
    output to{env.out, env.stop};
    to.write(version_line() + "\n");
    to.write("libzmq " + dotted(major, minor, patch) + "\n");
    to.write("cppzmq " + dotted(CPPZMQ_VERSION_MAJOR, CPPZMQ_VERSION_MINOR, CPPZMQ_VERSION_PATCH) + "\n");
    to.write("msgpack " + std::string{msgpack_version()} + "\n");
    to.write("CURVE " + std::string{has_curve() ? "yes" : "no"} + "\n");
    to.flush();
    return exit_code::done;
}

}  // namespace

std::string version_line() {
    return "leat " LEAT_VERSION;
}

void declare_version(CLI::App& app, action& chosen) {
    add_subcommand(
        app, "version", "Print the versions of leat and of what it is built on", "  leat version\n",
        [] { return print_versions; }, chosen);
}

}  // namespace leat::command

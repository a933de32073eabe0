// Log files through a chain of peers: three shippers, a forwarder, two workers, and a reporter that checks
// the result. `leat-demo --help` says how to run it.

#include "roles.hpp"

#include <leat/stop.hpp>

#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

constexpr const char* help =
    "usage: leat-demo [--kill-worker] [--logs DIRECTORY | FILE...]\n"
    "\n"
    "Ships the lines of log files through a forwarder to two workers, which count them, and\n"
    "compares what they counted with a direct count of the files.\n"
    "\n"
    "  FILE...           the files; a file may be named twice\n"
    "  --logs DIRECTORY  all text logs below it instead (default /var/log)\n"
    "  --kill-worker     kill one worker in mid-flow: push/pull delivers at most once\n"
    "\n"
    "Exit status: 0 both counts are equal, 1 they are not, 2 wrong usage.\n";

/// The parts that the reporter starts: leat-demo --role ROLE ARGUMENTS.
int play(const std::vector<std::string>& words, std::stop_token stop) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // none outlives the reporter
    const auto& role = words.at(1);
    if (role == "forwarder") return demo::forward(stop);
    const auto self = static_cast<std::uint32_t>(std::stoul(words.at(2)));
    const leat::endpoint lines{words.at(3)}, reports{words.at(4)};
    if (role == "worker") return demo::work(self, lines, reports, words.at(5) == "hold", stop);
    std::vector<demo::log_file> files;
    for (std::size_t i = 5; i + 1 < words.size(); i += 2)
        files.push_back({words[i + 1], std::stoull(words[i])});
    return demo::ship(self, lines, reports, files, stop);
}

int usage(const std::string& what) {
    std::fprintf(stderr, "leat-demo: %s; see leat-demo --help\n", what.c_str());
    return 2;
}

int run(const std::vector<std::string>& words, std::stop_token stop) {
    if (!words.empty() && words[0] == "--role") return play(words, stop);
    bool kill_worker = false;
    std::string logs;
    std::vector<demo::log_file> files;
    bool named = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[i];
        if (word == "--help" || word == "-h") {
            std::fputs(help, stdout);
            return 0;
        }
        if (word == "--kill-worker") {
            kill_worker = true;
        } else if (word == "--logs") {
            if (++i == words.size()) return usage("--logs needs a directory");
            logs = words[i];
        } else if (word.starts_with("-")) {
            return usage("unknown option '" + word + "'");
        } else {
            named = true;
            try {
                files.push_back(demo::open_log(word));
            } catch (const std::exception& wrong) {
                return usage(wrong.what());
            }
        }
    }
    if (named && !logs.empty()) return usage("--logs goes without files");
    if (!named) files = demo::logs_below(logs.empty() ? "/var/log" : logs);
    return demo::report_on(files, kill_worker, stop);
}

}  // namespace

int main(int argc, char** argv) {
    const auto stop = leat::stop_on_signals();
    try {
        return run({argv + (argc > 0 ? 1 : 0), argv + argc}, stop);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "leat-demo: %s\n", failure.what());
        return 1;
    }
}

#include "run.hpp"

#include <leat/stop.hpp>

#include <unistd.h>

#include <algorithm>

int main(int argc, char** argv) {
    const auto stop = leat::stop_on_signals();
    leat::command::console err{STDERR_FILENO};
    leat::command::environment env{STDIN_FILENO, STDOUT_FILENO, err, stop.token()};
    return static_cast<int>(leat::command::run({argv + std::min(argc, 1), argv + argc}, env));
}

// A durable queue in a process of its own, for the measurements: leat-bench-host DIRECTORY prints its
// endpoint and how long opening took in milliseconds, and serves until it is killed.

#include <leat/context.hpp>
#include <leat/queue/queue.hpp>

#include <cstdio>
#include <exception>
#include <stop_token>

#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        leat::context ctx;
        leat::queue_options how{.name = "work", .bind = "tcp://127.0.0.1:*", .path = argv[1]};
        how.rules.max_messages = 20'000'000;
        const leat::queue work{ctx, how};
        std::printf("at %s opened in %lld ms\n", work.bound().str().c_str(),
                    static_cast<long long>(work.opened().took.count()));
        std::fflush(stdout);
        for (;;) ::pause();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}

// A worker that survives `kill -9` of everything: queue and worker are processes, and are killed again and
// again while the work goes on. In the end each job was done; one whose ack was not safe yet may be done
// twice.
#include <leat/leat.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>

using namespace std::chrono_literals;

constexpr int jobs = 2000, kills = 10;

/// Runs `body` in a process of its own.
template <class Body>
pid_t start(Body body) {
    const auto child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    return child;
}

void kill_now(pid_t one) {
    kill(one, SIGKILL);
    waitpid(one, nullptr, 0);
}

std::set<std::string> done(const std::filesystem::path& results) {
    std::set<std::string> all;
    std::ifstream in{results};
    for (std::string line; std::getline(in, line) && !in.eof();) all.insert(line);
    return all;
}

int main() {
    const auto here = std::filesystem::temp_directory_path() / ("leat-survivor-" + std::to_string(getpid()));
    std::filesystem::create_directory(here);
    const auto at = "ipc://" + (here / "socket").string();

    int news[2];  // a byte for each job that is done
    if (pipe(news) != 0) return 1;

    const auto queue = [&] {
        leat::context ctx;
        const leat::queue kept{ctx, {.name = "jobs", .bind = at, .path = (here / "jobs").string()}};
        pause();
    };
    const auto worker = [&] {
        leat::context ctx;
        leat::consumer<std::string> in{ctx, at, {.queue = "jobs"}};
        std::ofstream results{here / "results", std::ios::app};
        for (auto& job : in) {
            results << *job << std::endl;  // the work, which may be repeated
            job.ack();                     // and only then is the job gone
            static_cast<void>(write(news[1], "!", 1));
        }
    };
    const auto producer = [&] {
        leat::context ctx;
        leat::producer<std::string> out{ctx, at, {.queue = "jobs"}};
        for (int i = 0; i < jobs; ++i) out.put("job " + std::to_string(i));
        if (out.flush(30s) != 0) _exit(1);  // it puts again what it has no confirm for
    };

    auto q = start(queue), w = start(worker);
    const auto p = start(producer);
    char one = 0;
    for (int killed = 0; killed < kills; ++killed) {
        for (int i = 0; i < 150; ++i) static_cast<void>(read(news[0], &one, 1));
        kill_now(w);
        kill_now(q);
        q = start(queue);
        w = start(worker);
    }
    while (done(here / "results").size() < jobs) static_cast<void>(read(news[0], &one, 1));
    int how = 0;
    waitpid(p, &how, 0);
    std::cout << "the producer has " << (how == 0 ? "all" : "not all") << " confirms\n"
              << done(here / "results").size() << " of " << jobs << " jobs are done, over " << kills
              << " kills of queue and worker\n";
    kill_now(w);
    kill_now(q);
    std::filesystem::remove_all(here);
}

// Prints:
// the producer has all confirms
// 2000 of 2000 jobs are done, over 10 kills of queue and worker

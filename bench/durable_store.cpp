#include "crew.hpp"
#include "device.hpp"
#include "durable.hpp"
#include "durable_leat.hpp"
#include "processes.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

std::string number(double value, const char* unit, int digits = 0) {
    char out[64];
    std::snprintf(out, sizeof out, "%.*f %s", digits, value, unit);
    return out;
}

bool wanted(const durable_run& how, const std::string& name) {
    return name.find(how.only) != std::string::npos;
}

double rate_of(running_server& at, const work& job) {
    return static_cast<double>(job.count) / do_work(at, job).seconds;
}

/// Bytes written for each byte of the bodies, with a consumer that keeps up.
finding amplification(const durable_run& how, std::size_t size) {
    const work_directory files{how.directory};
    leat_server server{files.str()};
    const auto device_before = written_to(files.str());
    const auto before = bytes_written(server.processes());
    constexpr std::size_t payload = std::size_t{256} << 20;
    const work job{.what = {.size = size}, .count = payload / size};
    static_cast<void>(do_work(server, job));
    const auto written = static_cast<double>(bytes_written(server.processes()) - before);
    const auto device_after = written_to(files.str());
    const auto bodies = static_cast<double>(job.count * size);
    const double ratio = written / bodies;
    auto said = number(ratio, "bytes a byte", 2);
    if (device_before && device_after)
        said += number(static_cast<double>(*device_after - *device_before) / bodies,
                       "by the device, for everybody", 2)
                    .insert(0, ", ");
    constexpr double most = 1.5;
    return {"write amplification, " + std::to_string(size) + " B", said, "at most 1.5", ratio <= most};
}

void idle(const durable_run& how, std::vector<finding>& out) {
    const work_directory files{how.directory};
    leat_server server{files.str()};
    const auto before = bytes_dirtied(server.processes());
    constexpr auto a_while = std::chrono::seconds{5};
    std::this_thread::sleep_for(a_while);  // paces: what is measured is that nothing happens
    const auto written = static_cast<double>(bytes_dirtied(server.processes()) - before);
    const auto memory = resident_mib(server.processes());
    constexpr double most_mib = 10;
    out.push_back({"idle for 5 s, memory", number(memory, "MiB", 1), "under 10 MiB", memory < most_mib});
    out.push_back({"idle for 5 s, written", number(written, "bytes"), "nothing", written == 0});
}

/// What a backlog changes: putting and taking at once, on top of it; and opening.
void depth(const durable_run& how, std::vector<finding>& out) {
    constexpr std::size_t sample = 1'000'000;
    constexpr double share = 0.8, opening_ms = 2000;
    const work both{.count = sample}, put_only{.count = sample, .consumers = 0};
    double empty_put = 0, empty_both = 0;
    {
        const work_directory files{how.directory};
        leat_server server{files.str()};
        empty_both = rate_of(server, both);
        empty_put = rate_of(server, put_only);
    }
    const auto said = [&](const char* what, double rate, double of) {
        out.push_back({what, number(rate, "msg/s, ") + number(rate / of, "of an empty queue's", 2),
                       "at least 0.80", rate >= share * of});
    };
    const work_directory files{how.directory};
    auto server = std::make_unique<leat_server>(files.str());
    rate_of(*server, {.count = how.backlog - sample, .consumers = 0});
    const auto deep_put = rate_of(*server, put_only);
    said("put of the last million of a backlog", deep_put, empty_put);
    server.reset();
    const auto began = now_seconds();
    server = std::make_unique<leat_server>(files.str());
    const auto opening = (now_seconds() - began) * 1000;
    out.push_back({"opening a backlog of " + std::to_string(how.backlog) + " after a kill",
                   number(opening, "ms"), "under 2,000 ms", opening < opening_ms});
    said("put and taken at once with the backlog", rate_of(*server, both), empty_both);
    const work drain{.count = how.backlog, .producers = 0};
    said("taking the backlog", rate_of(*server, drain), empty_both);
    const auto file_mib =
        static_cast<double>(std::filesystem::file_size(files.str() + "/queue/data.mdb")) / (1 << 20);
    out.push_back({"the file after all was taken", number(file_mib, "MiB"), "", true});
}

}  // namespace

std::vector<finding> measure_store(const durable_run& how) {
    std::vector<finding> out;
    if (wanted(how, "write amplification")) {
        for (const auto size : {std::size_t{100}, std::size_t{1024}}) out.push_back(amplification(how, size));
    }
    if (wanted(how, "idle")) idle(how, out);
    if (how.backlog > 0 && wanted(how, "depth")) depth(how, out);
    return out;
}

}  // namespace bench

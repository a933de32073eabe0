// The durable queue beside others that promise the same: leat-bench-durable [OPTIONS] [PART OF A CASE'S NAME]

#include "device.hpp"
#include "durable.hpp"
#include "report.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>

namespace {

constexpr auto usage =
    "usage: leat-bench-durable [--rounds N] [--seconds S] [--backlog MESSAGES] [--on DIRECTORY]\n"
    "                          [--json FILE] [--svg FILE] [--page FILE.md] [PART OF A CASE'S NAME]\n";

struct options {
    bench::durable_run how;
    std::string json = "bench-durable.json", svg = "bench-durable.svg", page = {};
    std::string command = "./dev bench durable";
};

bool parse(int argc, char** argv, options& out) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        out.command += " " + word;
        if (!word.starts_with("-")) {
            out.how.only = word;
            continue;
        }
        if (i + 1 == argc) return false;
        const std::string value = argv[++i];
        out.command += " " + value;
        if (word == "--rounds") {
            out.how.rounds = std::max(1, std::atoi(value.c_str()));
        } else if (word == "--seconds") {
            out.how.seconds = std::max(0.1, std::atof(value.c_str()));
        } else if (word == "--backlog") {
            out.how.backlog = static_cast<std::size_t>(std::max(0LL, std::atoll(value.c_str())));
        } else if (word == "--on") {
            out.how.directory = value;
        } else if (word == "--json") {
            out.json = value;
        } else if (word == "--svg") {
            out.svg = value;
        } else if (word == "--page") {
            out.page = value;
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    options all{.how = {.directory = std::filesystem::temp_directory_path()}};
    if (!parse(argc, argv, all)) {
        std::fputs(usage, stderr);
        return 2;
    }
    try {
        std::vector<std::string> skipped;
        const auto load = bench::load_now();
        const auto contenders = bench::startable(all.how, bench::durable_contenders(skipped), skipped);
        auto report = bench::measure_durable(all.how, contenders);
        if (std::string{"syncs"}.find(all.how.only) != std::string::npos) {
            if (!bench::sync_count::available())
                skipped.emplace_back("the count of syncs, there is no strace");
            else
                for (const auto& one : contenders) report.syncs.push_back(bench::count_syncs(all.how, one));
        }
        report.findings = bench::measure_store(all.how);
        report.skipped = skipped;
        report.command = all.command;
        report.date = bench::today();
        report.load = load;
        report.machine = bench::this_machine();
        report.place = bench::device_of(all.how.directory);
        const auto tables = bench::as_markdown(report);
        std::printf("\n%s", tables.c_str());
        bench::write_text(all.json, bench::as_json(report));
        bench::write_text(all.svg, bench::as_svg(report));
        if (!all.page.empty()) bench::write_into_page(all.page, tables);
        std::printf("\nwritten to %s and %s\n", all.json.c_str(), all.svg.c_str());
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}

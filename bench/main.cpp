#include "memory.hpp"
#include "pub_sub.hpp"
#include "push_pull.hpp"
#include "queue.hpp"
#include "relays.hpp"
#include "request_reply.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    int pairs = 9;
    std::string only, json = "bench.json";
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--pairs" && i + 1 < argc) {
            pairs = std::max(1, std::atoi(argv[++i]));
        } else if (word == "--json" && i + 1 < argc) {
            json = argv[++i];
        } else if (!word.starts_with("-")) {
            only = word;
        } else {
            std::fprintf(stderr, "usage: leat-bench [--pairs N] [--json FILE] [PART OF A CASE'S NAME]\n");
            return 2;
        }
    }
    try {
        std::vector<bench::pair_case> cases = bench::push_pull_cases();
        for (auto& one : bench::pub_sub_cases()) cases.push_back(std::move(one));
        for (auto& one : bench::relay_cases()) cases.push_back(std::move(one));
        for (auto& one : bench::request_reply_cases()) cases.push_back(std::move(one));
        for (auto& one : bench::queue_cases()) cases.push_back(std::move(one));
        std::vector<bench::outcome> all;
        for (const auto& one : cases) {
            if (one.name.find(only) != std::string::npos) all.push_back(bench::compare(one, pairs));
        }
        bench::print_table(all);
        bench::write_json(all, json, pairs);
        std::printf("written to %s\n", json.c_str());
        if (only.empty() || only == "memory") bench::memory_report();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}

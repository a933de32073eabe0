// Jobs for later: each is handed out when it is due, in the order of the times and not of the puts.
#include <leat/leat.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

int main() {
    leat::context ctx;
    leat::queue jobs{ctx, {.name = "jobs", .bind = "tcp://127.0.0.1:*"}};
    leat::producer<std::string> out{ctx, jobs.bound(), {.queue = "jobs"}};

    const auto now = std::chrono::system_clock::now();
    out.put("send the reminder", {.delay = 600ms});
    out.put("close the auction", {.at = now + 200ms});
    out.put("open the shop");
    // A scheduler that runs twice is no harm: of one id the first put counts.
    auto first = out.put_async("write the daily report", {.id = "report of 1 May", .delay = 400ms});
    auto second = out.put_async("write the daily report", {.id = "report of 1 May", .delay = 400ms});
    std::cout << "the report is " << to_string(first.get().what) << ", then a "
              << to_string(second.get().what) << "\n";

    leat::consumer<std::string> in{ctx, jobs.bound(), {.queue = "jobs"}};
    for (auto& job : in) {
        std::cout << *job << "\n";
        job.ack();
        if (*job == "send the reminder") in.stop();
    }
    std::cout << "not before its time: " << std::boolalpha
              << (std::chrono::system_clock::now() - now >= 600ms) << "\n";
}

// Prints:
// the report is stored, then a duplicate
// open the shop
// close the auction
// write the daily report
// send the reminder
// not before its time: true

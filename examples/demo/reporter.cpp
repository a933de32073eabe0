#include "child.hpp"
#include "roles.hpp"
#include "table.hpp"

#include <leat/context.hpp>
#include <leat/pipeline/puller.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <stdexcept>

namespace demo {
namespace {

constexpr std::size_t shipper_count = 3;
constexpr std::size_t worker_count = 2;
constexpr std::chrono::milliseconds look{50};

/// The others and what they have said.
class show {
public:
    show(const std::vector<log_file>& files, bool kill_worker, std::stop_token stop)
        : kill_worker_(kill_worker),
          stop_(std::move(stop)),
          reports_(ctx_, {.bind = "tcp://127.0.0.1:*"}),
          forwarder_("forwarder", {"forwarder"}) {
        const auto endpoints = forwarder_.first_line(patience);
        const auto space = endpoints.find(' ');
        if (space == endpoints.npos) throw std::runtime_error{"the forwarder does not start"};
        start_workers(endpoints.substr(space + 1));
        start_shippers(endpoints.substr(0, space), files);
    }

    /// Follows the others until all have ended and all that they said has arrived.
    void watch() {
        for (bool ended = false;;) {
            // Looked at before a receive, as what was said may arrive in between.
            const bool nothing_more = ended && reports_.peers().connected() == 0;
            const bool news = receive(look);
            if (nothing_more && !news) break;
            if (news) progress_ = leat::deadline{patience};
            table_.show(seen_);
            if (!ended) ended = !steer();
            if (progress_.passed()) give_up();
        }
        table_.finish(seen_);
    }

    [[nodiscard]] const picture& seen() const noexcept { return seen_; }
    [[nodiscard]] const std::vector<std::string>& faults() const noexcept { return faults_; }

private:
    void start_workers(const std::string& lines) {
        for (std::uint32_t i = 0; i < worker_count; ++i) {
            const bool victim = kill_worker_ && i == 0;
            workers_.emplace_back(
                "worker " + std::to_string(i + 1),
                std::vector<std::string>{"worker", std::to_string(i), lines, reports_.bound()[0].str(),
                                         victim ? "hold" : "go"});
        }
        // Both are there before the first line, so that they share the work.
        for (const leat::deadline until{patience}; ready_ < worker_count;) {
            receive(look);
            if (until.passed() || !all_run(workers_) || !forwarder_.runs())
                throw std::runtime_error{"the workers do not start"};
        }
    }

    void start_shippers(const std::string& lines, const std::vector<log_file>& files) {
        // The largest file first, each to the shipper that has least.
        auto sorted = files;
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const auto& a, const auto& b) { return a.size > b.size; });
        std::array<std::uint64_t, shipper_count> load{};
        std::array<std::vector<std::string>, shipper_count> words;
        for (const auto& file : sorted) {
            const auto least =
                static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
            load[least] += file.size;
            words[least].push_back(std::to_string(file.size));
            words[least].push_back(file.path);
        }
        for (std::size_t i = 0; i < shipper_count; ++i) {
            std::vector<std::string> all{"shipper", std::to_string(i), lines, reports_.bound()[0].str()};
            all.insert(all.end(), words[i].begin(), words[i].end());
            shippers_.emplace_back("shipper " + std::to_string(i + 1), std::move(all));
        }
    }

    bool receive(leat::deadline until) {
        report news;
        if (reports_.receive(news, until) != leat::status::ok) return false;
        switch (news.what) {
            case report::news::ready:
                ++ready_;
                break;
            case report::news::shipped:
                seen_.shipped.add(news.part);
                break;
            case report::news::held:
                if (kill_worker_) workers_.at(news.process).signal(SIGKILL);
                [[fallthrough]];
            case report::news::counted:
                seen_.counted.add(news.part);
                seen_.workers.at(news.process).add(news.part);
                break;
        }
        return true;
    }

    static bool all_run(std::vector<child>& all) {
        return std::all_of(all.begin(), all.end(), [](auto& one) { return one.runs(); });
    }

    /// True while one of them runs. Notes the faults of those that have ended.
    bool any_runs(std::vector<child>& all) {
        bool any = false;
        for (auto& one : all) any = runs(one) || any;
        return any;
    }

    bool runs(child& one) {
        if (one.runs()) return true;
        const auto fault = one.name() + " " + one.fault();
        if (!one.fault().empty() && std::find(faults_.begin(), faults_.end(), fault) == faults_.end())
            faults_.push_back(fault);
        return false;
    }

    /// Ends what has no more work. False once all have ended.
    bool steer() {
        const bool shipping = any_runs(shippers_), forwarding = runs(forwarder_),
                   working = any_runs(workers_);
        const bool broken = stop_.stop_requested() || !forwarding || !working;
        if (broken && !broken_) signal(shippers_, SIGTERM);
        broken_ = broken_ || broken;
        if (forwarding && !shipping && working && !told_) {
            forwarder_.signal(SIGTERM);
            told_ = true;
        }
        if (forwarding && !working) forwarder_.signal(SIGKILL);  // there is nobody to hand its lines to
        return shipping || forwarding || working;
    }

    static void signal(const std::vector<child>& all, int number) {
        for (const auto& one : all) one.signal(number);
    }

    void give_up() {
        faults_.emplace_back("nothing has moved for " + std::to_string(patience.count()) +
                             " s; the rest was killed");
        forwarder_.signal(SIGKILL);
        signal(shippers_, SIGKILL);
        signal(workers_, SIGKILL);
        progress_ = leat::deadline{patience};
    }

    const bool kill_worker_;
    const std::stop_token stop_;
    leat::context ctx_;
    leat::puller<report> reports_;
    child forwarder_;
    std::vector<child> workers_, shippers_;
    std::size_t ready_ = 0;
    bool told_ = false;
    bool broken_ = false;
    picture seen_{.workers = std::vector<counts>(worker_count)};
    table table_;
    std::vector<std::string> faults_;
    leat::deadline progress_{patience};
};

/// Says how the two counts differ.
int compare(const counts& counted, const counts& direct, bool killed) {
    if (counted == direct) {
        std::printf("A direct count of the files gives the same: %s lines, %s bytes, %zu kinds.\n",
                    with_commas(direct.lines).c_str(), with_commas(direct.bytes).c_str(),
                    direct.kinds.size());
        return 0;
    }
    std::printf("A direct count of the files gives %s lines and %s bytes: ",
                with_commas(direct.lines).c_str(), with_commas(direct.bytes).c_str());
    if (counted.lines < direct.lines) {
        std::printf("%s lines are missing.\n", with_commas(direct.lines - counted.lines).c_str());
    } else if (counted.lines > direct.lines) {
        std::printf("%s lines are too many.\n", with_commas(counted.lines - direct.lines).c_str());
    } else {
        std::printf("as many lines, but other ones.\n");
    }
    if (killed && counted.lines < direct.lines)
        std::printf("That is what push/pull promises: at most once. What a worker has taken dies with it.\n");
    return 1;
}

}  // namespace

int report_on(const std::vector<log_file>& files, bool kill_worker, std::stop_token stop) {
    std::uint64_t size = 0;
    for (const auto& file : files) size += file.size;
    std::printf("%zu files with %s bytes\n", files.size(), with_commas(size).c_str());
    if (files.empty()) std::printf("There are no logs to read here; name some: leat-demo FILE...\n");
    std::fflush(stdout);

    show run{files, kill_worker, stop};
    run.watch();
    for (const auto& fault : run.faults()) std::printf("%s\n", fault.c_str());
    counts direct;
    for (const auto& file : files) {
        for_each_line(file, [&](std::string_view text) {
            direct.add(text);
            return true;
        });
    }
    return compare(run.seen().counted, direct, kill_worker);
}

}  // namespace demo

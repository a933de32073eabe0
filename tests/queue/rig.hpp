#pragma once

#include "checker.hpp"

#include "support/joined.hpp"
#include "support/process.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace proof {

using namespace std::chrono_literals;

struct rules {
    std::chrono::milliseconds lease = 1s, session_timeout = 500ms;
    int max_attempts = 5;
    bool on_disk = false;            ///< In the directory of the records.
    std::uint64_t max_messages = 0;  ///< Unless 0: on disk, and what is beyond is refused.
};

/// A number from the environment when it says so.
inline int from_environment(const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::atoi(text);
}

/// LEAT_PROOF_LONG=1: with the times of real life, which take minutes.
inline bool long_run() {
    return from_environment("LEAT_PROOF_LONG", 0) != 0;
}

/// Longer than all of a proof's work takes.
inline constexpr auto long_patience = 120s;

/// A queue, its producers and its consumers, each in a process of its own, and the directory to which they
/// write their records. The directory goes with this object unless the check found a fault.
class rig {
public:
    /// `inside` and `outside` are what the commands of the queue and of its clients begin with.
    explicit rig(rules with = {}, std::string bind = "tcp://127.0.0.1:*",
                 std::vector<std::string> inside = {}, std::vector<std::string> outside = {})
        : with_(with), outside_(std::move(outside)), queue_(start_queue(with, bind, std::move(inside))) {
        const auto at = queue_.line(support::patience);
        REQUIRE(at);
        at_ = *at;
    }
    ~rig() {
        std::error_code ignored;
        if (clean_) std::filesystem::remove_all(directory_, ignored);
    }
    rig(const rig&) = delete;
    rig& operator=(const rig&) = delete;

    [[nodiscard]] support::process& queue() noexcept { return queue_; }
    /// Kills the queue, and starts it again at its endpoint with what is on disk.
    void kill_queue() {
        queue_.signal(SIGKILL);
        CHECK_FALSE(queue_.wait(support::patience) == 0);
        queue_ = start_queue(with_, at_, {});
        REQUIRE(queue_.line(support::patience) == at_);
    }
    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

    support::process producer(int count, std::uint64_t seed, std::string name = {}) {
        const auto number = std::to_string(++started_);
        if (name.empty()) name = "p" + number;
        return client({"queue_producer", at_, file("producer" + number), name, std::to_string(count),
                       std::to_string(seed)});
    }
    /// `mode`: as the program has it.
    support::process consumer(int prefetch, std::uint64_t seed, const std::string& mode = {}) {
        const auto number = std::to_string(++started_);
        std::vector<std::string> command{"queue_consumer", at_, file("consumer" + number),
                                         std::to_string(prefetch), std::to_string(seed)};
        if (!mode.empty()) command.push_back(mode);
        return client(std::move(command));
    }

    /// live, in_flight, acked, lost, dead
    std::map<std::string, std::uint64_t> figures() {
        queue_.signal(SIGUSR1);
        const auto text = queue_.line(support::patience);
        REQUIRE(text);
        std::istringstream words{*text};
        std::map<std::string, std::uint64_t> all;
        std::string name;
        for (std::uint64_t value = 0; words >> name >> value;) all[name] = value;
        return all;
    }

    /// Waits until the queue's figures are as they should.
    template <class Condition>
    void wait_until(Condition is_so) {
        const leat::deadline until{long_patience};
        while (!is_so(figures())) {
            REQUIRE_FALSE(until.passed());
            REQUIRE_FALSE(queue_.ended(10ms));
        }
    }
    void drain() {
        wait_until([](auto now) { return now["live"] == 0; });
    }

    /// Ends the queue, and says what the records show. The clients have ended before.
    findings finish(findings (*check_records)(const std::filesystem::path&) = &check) {
        queue_.signal(SIGTERM);
        CHECK(queue_.wait(long_patience) == 0);
        auto found = check_records(directory_);
        clean_ = found.faults.empty();
        for (const auto& one : found.faults) MESSAGE(one);
        MESSAGE((clean_ ? "" : directory_.string() + ": "), found.summary());
        CHECK(found.faults.empty());
        return found;
    }

    /// The same, and then the queue is opened again and records begin anew.
    findings check_and_go_on(findings (*check_records)(const std::filesystem::path&)) {
        const auto found = finish(check_records);
        if (!clean_) return found;
        const std::vector<std::filesystem::directory_entry> old{
            std::filesystem::directory_iterator{directory_}, {}};
        for (const auto& one : old) {
            if (one.is_regular_file()) std::filesystem::remove(one.path());
        }
        queue_ = start_queue(with_, at_, {});
        REQUIRE(queue_.line(support::patience) == at_);
        return found;
    }

private:
    static std::filesystem::path made_directory() {
        auto name = (std::filesystem::temp_directory_path() / "leat-proof-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        return name;
    }
    [[nodiscard]] std::string file(const std::string& name) const { return (directory_ / name).string(); }
    static std::string program(const std::string& name) {
        return std::string{LEAT_QUEUE_PROGRAMS} + "/" + name;
    }

    support::process start_queue(const rules& with, const std::string& bind,
                                 std::vector<std::string> command) {
        for (auto& word : std::vector<std::string>{
                 program("queue_host"), bind, file("queue"), std::to_string(with.lease.count()),
                 std::to_string(with.session_timeout.count()), std::to_string(with.max_attempts)})
            command.push_back(std::move(word));
        if (with.on_disk) command.push_back(file("store"));
        if (with.max_messages > 0) command.push_back(std::to_string(with.max_messages));
        return support::process{std::move(command)};
    }
    support::process client(std::vector<std::string> words) {
        words.front() = program(words.front());
        auto command = outside_;
        command.insert(command.end(), words.begin(), words.end());
        return support::process{std::move(command)};
    }

    std::filesystem::path directory_ = made_directory();
    const rules with_;
    std::vector<std::string> outside_;
    support::process queue_;
    std::string at_;
    int started_ = 0;
    bool clean_ = false;
};

/// Lets consumers end in good order.
inline void stop(std::vector<support::process>& consumers) {
    for (auto& one : consumers) one.signal(SIGTERM);
    for (auto& one : consumers) CHECK(one.wait(support::patience) == 0);
    consumers.clear();
}

}  // namespace proof

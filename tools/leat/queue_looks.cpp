#include "parse.hpp"
#include "queue_steering.hpp"
#include "queue_subcommands.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace leat::command {
namespace {

using nlohmann::json;

/// Bytes that are not UTF-8 become U+FFFD.
std::string text_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::int64_t milliseconds(std::chrono::system_clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

std::string hexadecimal(const id128& id) {
    std::array<char, 33> text{};
    std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(id.high),
                  static_cast<unsigned long long>(id.low));
    return text.data();
}

json json_of(const put_options& attributes) {
    json all{{"priority", attributes.priority}};
    if (!attributes.key.empty()) all["key"] = attributes.key;
    if (!attributes.id.empty()) all["id"] = attributes.id;
    if (!attributes.headers.empty()) all["headers"] = attributes.headers;
    return all;
}

json json_of(const waiting_message& one) {
    auto all = json_of(one.attributes);
    all.update({{"seq", one.seq},
                {"since_ms", milliseconds(one.since)},
                {"attempts", one.attempts},
                {"body", one.body}});
    return all;
}

json json_of(const dead_letter& one) {
    auto all = json_of(one.attributes);
    all.update(
        {{"seq", one.seq},
         {"why", to_string(one.why)},
         {"text", one.text},
         {"attempts", one.attempts},
         {"losses", one.losses},
         {"deliveries", one.deliveries},
         {"redrives", one.redrives},
         {"put_at_ms", milliseconds(one.put_at)},
         {"died_at_ms", milliseconds(one.died_at)},
         {"origin",
          {{"queue", hexadecimal(one.origin.queue)}, {"salt", one.origin.salt}, {"seq", one.origin.seq}}},
         {"last_consumer", hexadecimal(one.last_consumer)},
         {"body", one.body}});
    return all;
}

json json_of(const queue_consumer& one) {
    return {
        {"id", hexadecimal(one.id)},       {"standby", one.standby}, {"barred", one.barred},
        {"in_flight", one.in_flight},      {"bytes", one.bytes},     {"credit_messages", one.credit_messages},
        {"credit_bytes", one.credit_bytes}};
}

json json_of(const queue_stat& now) {
    json all = figures(now);
    all["each_consumer"] = json::array();
    for (const auto& one : now.each_consumer) all["each_consumer"].push_back(json_of(one));
    all["longest_held"] = json::array();
    for (const auto& one : now.longest_held)
        all["longest_held"].push_back(
            {{"key", one.key}, {"age_ms", one.age.count()}, {"waiting", one.waiting}});
    return all;
}

std::string stat(queue_admin& of, const steering& how) {
    const auto now = answered(of.stat(how.timeout), how);
    if (how.json) return text_of(json_of(now));
    std::string lines;
    for (const auto& [name, value] : figures(now)) lines += name + " " + std::to_string(value) + "\n";
    return lines;
}

std::string peek(queue_admin& of, const steering& how, std::size_t most) {
    std::string lines;
    for (const auto& one : answered(of.peek(most, how.timeout), how))
        lines += how.json ? text_of(json_of(one)) : one.body + "\n";
    return lines;
}

std::string dead(queue_admin& of, const steering& how, std::size_t most) {
    std::string lines;
    for (const auto& one : answered(of.dead_letters({}, most, how.timeout), how)) {
        lines += how.json ? text_of(json_of(one))
                          : std::to_string(one.seq) + " " + std::string{to_string(one.why)} +
                                (one.text.empty() ? "" : " (" + one.text + ")") + ": " + one.body + "\n";
    }
    return lines;
}

/// Adds a subcommand that lists up to `--count` of something.
void add_list(CLI::App& app, const std::string& name, const std::string& about, std::string examples,
              std::string (*list)(queue_admin&, const steering&, std::size_t), action& chosen) {
    constexpr std::size_t usual = 100;
    const auto most = std::make_shared<std::size_t>(usual);
    auto& sub = add_steering(
        app, name, about, std::move(examples),
        [most, list](queue_admin& of, const steering& how) { return list(of, how, *most); }, chosen);
    add_value(sub, "-n,--count", "N", "No more than N (100)",
              [most](const auto& text) { *most = parse_count("--count", text); });
}

}  // namespace

void declare_queue_looks(CLI::App& queue, action& chosen) {
    add_steering(queue, "stat", "Print what a queue is doing, a figure a line",
                 "  leat queue stat -c tcp://127.0.0.1:5600 thumbs\n"
                 "  leat queue stat -c tcp://127.0.0.1:5600 thumbs --json | jq .ready\n",
                 stat, chosen);
    add_list(queue, "peek", "Print the next messages without taking them",
             "  leat queue peek -c tcp://127.0.0.1:5600 thumbs --count 5\n", peek, chosen);
    add_list(queue, "dead", "List the dead letters, oldest first",
             "  leat queue dead -c tcp://127.0.0.1:5600 thumbs\n"
             "  leat queue dead -c tcp://127.0.0.1:5600 thumbs --json | jq -r .text\n",
             dead, chosen);
}

}  // namespace leat::command

#include "forwarder_config.hpp"

#include "parse.hpp"
#include "relay_table.hpp"
#include "stats.hpp"
#include "toml.hpp"
#include "transfer_table.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

namespace leat::command {
namespace {

constexpr std::size_t longest = 1u << 20;

/// Finds what may be there once only.
class once {
public:
    /// @throws usage_error naming the line where `what` was before
    void add(const std::string& what, std::size_t line, const std::string& shown, const std::string& right) {
        const auto [found, is_new] = lines_.try_emplace(what, line);
        if (!is_new)
            throw usage_error{shown + " is that of line " + std::to_string(found->second) + "; " + right};
    }

private:
    std::map<std::string, std::size_t> lines_;
};

class reader {
public:
    reader(const config_value& root, config_faults& faults) : root_(root, {}, faults) {}

    forwarder_config read() {
        forwarder_config all;
        root_.duration("stats", [&](auto time) {
            if (time < least_stats_interval)
                throw usage_error{"stats is " + format_duration(time) + "; it is at least " +
                                  format_duration(least_stats_interval)};
            all.stats = time;
        });
        root_.tables("relay",
                     [&](auto& from) { relay(from, all.relays.emplace_back(read_relay(from, bound_))); });
        root_.tables("queue",
                     [&](auto& from) { queue(from, all.queues.emplace_back(read_queue(from, bound_))); });
        root_.tables("transfer",
                     [&](auto& from) { transfer(from, all.transfers.emplace_back(read_transfer(from))); });
        if (!root_.has("relay") && !root_.has("queue") && !root_.has("transfer"))
            root_.refuse({}, "there is nothing to run; write a [[relay]], a [[queue]] or a [[transfer]]");
        else if (all.stats && !root_.has("relay"))
            root_.refuse("stats",
                         "stats counts for relays, and there is none; leat queue stat tells of queues");
        root_.finish();
        return all;
    }

private:
    void relay(config_table& from, const relay_options& it) {
        from.guard("name", [&] {
            names_.add(it.name, from.line("name"), "the name " + it.name,
                       "give each relay a name of its own");
        });
    }

    void queue(config_table& from, const queue_options& it) {
        if (from.has("name") && from.has("bind") && is_fixed(endpoint{it.bind})) {
            from.guard("name", [&] {
                queues_.add(it.bind + " " + it.name, from.line("name"),
                            "the name " + it.name + " at " + it.bind,
                            "each queue of an endpoint has its own");
            });
        }
        if (it.path.empty()) return;
        from.guard("path", [&] {
            const auto directory = std::filesystem::path{it.path + "/."}.lexically_normal().string();
            paths_.add(directory, from.line("path"), "the path " + it.path,
                       "each queue has a directory of its own");
        });
    }

    /// C5: marks are of a name, so two names for one way could store a message twice.
    void transfer(config_table& from, const transfer_options& it) {
        from.guard({}, [&] {
            const auto way = it.from.queue + " at " + it.from.at + " to " + it.to.queue + " at " + it.to.at;
            transfers_.add(way, from.line(), "a transfer from " + way, "one moves all there is");
        });
    }

    config_table root_;
    config_endpoints bound_;
    once names_, queues_, paths_, transfers_;
};

std::string content_of(const std::string& path) {
    std::ifstream file{path};
    std::string text(longest + 1, '\0');
    if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.eof() && file.fail())
        throw failure{"cannot open " + path + ": " + std::generic_category().message(errno)};
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > longest) throw failure{"cannot read " + path + ": it is larger than 1MiB"};
    return text;
}

}  // namespace

forwarder_config parse_forwarder_config(std::string_view text, const std::string& file) {
    config_faults faults{file};
    forwarder_config all;
    if (const auto root = parse_toml(text, faults)) all = reader{*root, faults}.read();
    faults.check();
    std::stable_sort(all.queues.begin(), all.queues.end(),
                     [](const auto& a, const auto& b) { return a.rules.max_message > b.rules.max_message; });
    return all;
}

forwarder_config read_forwarder_config(const std::string& path) {
    return parse_forwarder_config(content_of(path), path);
}

std::string summary(const forwarder_config& all) {
    std::vector<std::string> parts;
    const auto add = [&](std::size_t n, const char* what) {
        if (n > 0) parts.push_back(count_of(n, what));
    };
    add(all.relays.size(), "relay");
    add(all.queues.size(), "queue");
    add(all.transfers.size(), "transfer");
    std::string text = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i)
        text += (i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return text;
}

}  // namespace leat::command

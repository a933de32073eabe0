#include "transfer_table.hpp"

#include "exit_code.hpp"
#include "parse.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace leat::command {
namespace {

/// Where one of its ends is: `from` and `from_queue`, or `to` and `to_queue`.
void read_end(config_table& from, const std::string& key, queue_address& to) {
    const auto name = key + "_queue";
    if (!from.has(key))
        from.refuse({}, "a transfer needs an endpoint, as in " + key + " = \"tcp://127.0.0.1:5600\"");
    if (!from.has(name)) from.refuse({}, "a transfer needs a queue, as in " + name + " = \"jobs\"");
    from.text(key, [&](const auto& text) {
        const auto at = parse_endpoint(key, text);
        if (at.is_wildcard())
            throw usage_error{key + " is " + text + "; a * can only be bound: name what the queue has bound"};
        to.at = at.str();
    });
    from.text(name, [&](const auto& text) {
        if (text.size() > 255) throw usage_error{name + " has more than 255 bytes"};
        to.queue = text;
    });
}

}  // namespace

transfer_options read_transfer(config_table& from) {
    transfer_options to;
    to.name = "transfer";
    from.text("name", [&](const auto& text) {
        if (text.size() > 255) throw usage_error{"name has more than 255 bytes"};
        to.name = text;
    });
    read_end(from, "from", to.from);
    read_end(from, "to", to.to);
    from.flag("weaker_ok", [&](bool is) { to.weaker_ok = is; });
    const auto change = [&](auto how) {
        auto trial = transfer_options{.name = to.name, .from = {"a", "a"}, .to = {"b", "b"}};
        how(trial);
        trial.check();
        how(to);
    };
    from.number("prefetch", [&](auto n) { change([n](auto& o) { o.prefetch = n; }); });
    from.size("prefetch_bytes", [&](auto n) { change([n](auto& o) { o.prefetch_bytes = n; }); });
    from.duration("close_deadline", [&](auto time) {
        if (time > std::chrono::hours{1})
            throw usage_error{"close_deadline is " + format_duration(time) + "; it is at most 1h"};
        to.linger = std::chrono::ceil<std::chrono::milliseconds>(time);
    });
    const bool complete =
        !to.from.at.empty() && !to.from.queue.empty() && !to.to.at.empty() && !to.to.queue.empty();
    if (complete) from.guard({}, [&] { to.check(); });
    return to;
}

}  // namespace leat::command

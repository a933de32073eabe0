#include "queue_table.hpp"

#include "parse.hpp"
#include "peers.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace leat::command {
namespace {

template <class Value, std::size_t Size>
using words = std::array<std::pair<const char*, Value>, Size>;

constexpr words<durability, 3> durabilities{
    {{"commit", durability::commit}, {"interval", durability::interval}, {"memory", durability::memory}}};
constexpr words<queue_overflow, 3> overflows{{{"block", queue_overflow::block},
                                              {"reject", queue_overflow::reject},
                                              {"drop_oldest", queue_overflow::drop_oldest}}};
constexpr words<on_expiry, 2> expiries{{{"drop", on_expiry::drop}, {"dead_letter", on_expiry::dead_letter}}};
constexpr words<dead_full, 2> dead_fulls{
    {{"stop", dead_full::stop}, {"drop_oldest", dead_full::drop_oldest}}};

/// Changes the options, if the queue lets them be so.
template <class Change>
void change(queue_options& to, Change how) {
    auto trial = to;
    how(trial);
    trial.check();
    to = std::move(trial);
}

void read_backoff(config_table& from, queue_options& to) {
    from.duration("first", [&](auto time) {
        change(to, [&](auto& o) {
            o.rules.retry.first = time;
            if (from.has("cap")) o.rules.retry.cap = std::max(o.rules.retry.first, o.rules.retry.cap);
        });
    });
    from.duration("cap", [&](auto time) { change(to, [&](auto& o) { o.rules.retry.cap = time; }); });
    from.ratio("factor", [&](auto number) { change(to, [&](auto& o) { o.rules.retry.factor = number; }); });
    from.ratio("jitter", [&](auto number) { change(to, [&](auto& o) { o.rules.retry.jitter = number; }); });
}

void read_rules(config_table& from, queue_options& to) {
    const auto set = [&to](auto member, auto value) {
        change(to, [&](auto& o) { o.rules.*member = value; });
    };
    const auto numeral = [&](const char* key, auto member) {
        return [=](auto value) {
            using rule = std::remove_cvref_t<decltype(std::declval<queue_rules>().*member)>;
            if (!std::in_range<rule>(value))
                throw usage_error{std::string{key} + " is " + std::to_string(value) + "; that is too large"};
            set(member, static_cast<rule>(value));
        };
    };
    const auto number = [&](const char* key, auto member) { from.number(key, numeral(key, member)); };
    const auto size = [&](const char* key, auto member) {
        from.size(key, [=](auto bytes) { set(member, bytes); });
    };
    const auto time = [&](const char* key, auto member) {
        from.duration(key, [=](auto length) { set(member, length); });
    };
    const auto flag = [&](const char* key, auto member) {
        from.flag(key, [=](bool is) { set(member, is); });
    };
    const auto word = [&](const char* key, auto member, const auto& all) {
        from.text(key, [=](const auto& text) { set(member, parse_word(key, text, all)); });
    };
    using rules = queue_rules;
    word("durability", &rules::durability, durabilities);
    time("interval", &rules::interval);
    time("outcome_delay", &rules::outcome_delay);
    word("overflow", &rules::overflow, overflows);
    flag("exclusive", &rules::exclusive);
    number("max_messages", &rules::max_messages);
    size("max_bytes", &rules::max_bytes);
    size("max_message", &rules::max_message);
    number("max_key", &rules::max_key);
    number("max_id", &rules::max_id);
    number("max_headers", &rules::max_headers);
    size("max_header_bytes", &rules::max_header_bytes);
    time("lease", &rules::lease);
    time("session_timeout", &rules::session_timeout);
    time("max_hold", &rules::max_hold);
    from.number_or("max_attempts", "unlimited", unlimited_attempts,
                   numeral("max_attempts", &rules::max_attempts));
    from.table("retry", [&](auto& inner) { read_backoff(inner, to); });
    time("ttl", &rules::ttl);
    flag("dead_letters", &rules::dead_letters);
    word("on_expiry", &rules::on_expiry, expiries);
    number("max_dead_messages", &rules::max_dead_messages);
    size("max_dead_bytes", &rules::max_dead_bytes);
    word("dead_full", &rules::dead_full, dead_fulls);
    time("dedup_window", &rules::dedup_window);
    number("dedup_ids", &rules::dedup_ids);
    time("producer_expiry", &rules::producer_expiry);
    number("producer_rows", &rules::producer_rows);
    number("max_in_flight", &rules::max_in_flight);
    size("ingress_bytes", &rules::ingress_bytes);
    number("sessions", &rules::sessions);
    time("max_delay", &rules::max_delay);
    number("max_hops", &rules::max_hops);
    time("close_deadline", &rules::close_deadline);
}

}  // namespace

queue_options read_queue(config_table& from, config_endpoints& bound) {
    // Complete from the start, so that each key is checked by itself.
    queue_options to{.name = "unnamed", .bind = "ipc://*"};
    if (!from.has("name")) from.refuse({}, "a queue needs a name, as in name = \"jobs\"");
    from.text("name", [&](const auto& name) { change(to, [&](auto& o) { o.name = name; }); });
    from.flag("insecure", [&](bool is) { to.socket.insecure = is; });
    if (!from.has("bind"))
        from.refuse({}, "a queue needs an endpoint, as in bind = \"tcp://127.0.0.1:5600\"");
    from.text("bind", [&](const auto& text) {
        const auto at = parse_endpoint("bind", text);
        check_bind("bind", at, to.socket.insecure, "set insecure = true");
        bound.bind(at, config_endpoints::owner::queue, from.line("bind"));
        to.bind = at.str();
    });
    from.text("path", [&](const auto& text) { to.path = text; });
    read_rules(from, to);
    return to;
}

}  // namespace leat::command

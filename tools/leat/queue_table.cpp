#include "queue_table.hpp"

#include "parse.hpp"
#include "peers.hpp"
#include "relay_sides.hpp"

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

constexpr std::array edge_kinds{edge_kind::pull, edge_kind::rep, edge_kind::sub, edge_kind::push};

/// The keys are the kinds' names.
void read_edges(config_table& from, queue_config& to, config_endpoints& bound) {
    for (const auto kind : edge_kinds) {
        const std::string key{to_string(kind)};
        edge_options one{.kind = kind};
        one.socket.insecure = to.socket.insecure;
        from.texts(key, [&](const std::string& text, std::size_t line) {
            relay_options::side side;
            add_endpoint(side, key, text);
            for (const auto& at : side.bind) {
                check_bind(key, at, to.socket.insecure, "set insecure = true");
                bound.bind(at, config_endpoints::owner::edge, line);
                one.bind.push_back(at);
            }
            one.connect.insert(one.connect.end(), side.connect.begin(), side.connect.end());
        });
        if (kind == edge_kind::sub) {
            from.texts("topics", [&](const std::string& text, std::size_t) { one.topics.push_back(text); });
            if (from.has("topics") && !from.has("sub"))
                from.refuse("topics", "topics without sub; they are what its publications begin with");
        }
        if (!one.bind.empty() || !one.connect.empty()) to.edges.push_back(std::move(one));
    }
    if (from.has("pull") && to.rules.overflow == queue_overflow::reject)
        from.refuse("pull",
                    "pull with overflow = \"reject\"; PUSH peers cannot be told of a refusal: use block, and "
                    "they wait");
}

}  // namespace

queue_config read_queue(config_table& from, config_endpoints& bound) {
    // Complete from the start, so that each key is checked by itself.
    queue_config to;
    to.name = "unnamed";
    to.bind = "ipc://*";
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
    read_edges(from, to, bound);
    return to;
}

}  // namespace leat::command

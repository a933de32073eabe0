#include <leat/queue/queue_rules.hpp>

#include <leat/error.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

namespace leat {
namespace {

using namespace std::chrono_literals;
using duration = queue_rules::duration;

[[noreturn]] void refuse(std::string_view rule, const std::string& is, const std::string& right) {
    throw error{errc::bad_option, "queue rule " + std::string{rule} + " is " + is + "; " + right};
}

std::string text(duration d) {
    char shown[48];
    std::snprintf(shown, sizeof shown, "%g s", std::chrono::duration<double>(d).count());
    return shown;
}

std::string text(double number) {
    char shown[48];
    std::snprintf(shown, sizeof shown, "%g", number);
    return shown;
}

void within(std::string_view rule, duration is, duration least, duration most) {
    if (is < least || is > most) refuse(rule, text(is), text(least) + " to " + text(most) + " is right");
}

void within(std::string_view rule, std::uint64_t is, std::uint64_t least, std::uint64_t most) {
    if (is < least || is > most) {
        refuse(rule, std::to_string(is), std::to_string(least) + " to " + std::to_string(most) + " is right");
    }
}

void within(std::string_view rule, double is, double least, double most) {
    if (!(is >= least && is <= most)) refuse(rule, text(is), text(least) + " to " + text(most) + " is right");
}

constexpr std::uint64_t most_messages = std::uint64_t{1} << 32;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 46;
constexpr duration longest = 10 * 365 * 24h;

}  // namespace

queue_rules queue_rules::resolved(bool on_disk) const {
    queue_rules all = *this;
    if (!all.durability) all.durability = on_disk ? leat::durability::commit : leat::durability::memory;
    if (!all.max_bytes) all.max_bytes = on_disk ? std::uint64_t{16} << 30 : std::uint64_t{256} << 20;
    return all;
}

void queue_rules::check() const {
    within("max_messages", max_messages, 1, most_messages);
    if (max_bytes) within("max_bytes", *max_bytes, 1, most_bytes);
    within("max_message", max_message, 1, 128 << 20);
    within("max_key", max_key, 1, 4096);
    within("max_id", max_id, 1, 4096);
    within("max_headers", max_headers, 0, 4096);
    within("max_header_bytes", max_header_bytes, 0, 48 << 10);
    within("lease", lease, 10ms, 24h);
    within("session_timeout", session_timeout, 10ms, 1h);
    within("max_hold", max_hold, 10ms, 7 * 24h);
    if (max_attempts != unlimited_attempts) {
        within("max_attempts", std::uint64_t{max_attempts}, 1, 60'000);
    }
    within("retry.first", retry.first, 0s, 24h);
    within("retry.factor", retry.factor, 1.0, 100.0);
    within("retry.cap", retry.cap, retry.first, longest);
    within("retry.jitter", retry.jitter, 0.0, 0.9);
    if (ttl) within("ttl", *ttl, 1ms, longest);
    within("max_dead_messages", max_dead_messages, 1, most_messages);
    within("max_dead_bytes", max_dead_bytes, 1, most_bytes);
    within("dedup_window", dedup_window, 0s, 7 * 24h);
    within("dedup_ids", dedup_ids, 0, 100'000'000);
    within("producer_expiry", producer_expiry, 1s, longest);
    within("producer_rows", producer_rows, 1, 10'000'000);
    within("interval", interval, 1ms, 1min);
    within("outcome_delay", outcome_delay, 0s, 10s);
    within("max_in_flight", max_in_flight, 1, 10'000'000);
    within("ingress_bytes", ingress_bytes, 64 << 10, std::uint64_t{16} << 30);
    within("sessions", std::uint64_t{sessions}, 1, 30'000);
    within("max_delay", max_delay, 0s, longest);
    within("max_hops", std::uint64_t{max_hops}, 1, 1000);
    within("close_deadline", close_deadline, 0s, 1h);
    if (on_expiry == leat::on_expiry::dead_letter && !dead_letters) {
        refuse("on_expiry", "dead_letter", "with dead_letters = false it is drop");
    }
}

}  // namespace leat

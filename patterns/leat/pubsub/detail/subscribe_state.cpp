#include <leat/pubsub/detail/subscribe_state.hpp>

#include <leat/error.hpp>

#include <algorithm>
#include <cerrno>
#include <unordered_set>
#include <utility>

namespace leat::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t reads_between_looks = 256;
constexpr auto look_again = 100ms;  // for lost connections, while values are wanted
constexpr std::size_t most_waiting = 64u << 20;

socket_options socket_options_of(const subscribe_options& options) {
    if (options.bind.empty() && options.connect.empty())
        throw error{errc::bad_option, "a subscriber needs at least one endpoint to bind or connect"};
    check_topic_separator(options.separator);
    auto socket = options.socket;
    socket.send_frames = 0;  // libzmq would drop subscriptions beyond the mark
    if (options.stop.stop_possible()) socket.stop = options.stop;
    return socket;
}

/// To wait and to receive subscribes as well, and a socket that was closed meanwhile is a status there.
template <class Call>
status unless_closed(const Call& call) {
    try {
        return call();
    } catch (const error& why) {
        if (why.kind() != errc::closed) throw;
        return status::closed;
    }
}

}  // namespace

subscribe_channel::state::state(context& ctx, subscribe_options options)
    : in(ctx, role::sub, socket_options_of(options)),
      separator_(options.separator),
      wants_values_(options.last_values),
      on_gap_(std::move(options.on_gap)),
      on_restart_(std::move(options.on_restart)),
      trie_(options.separator),
      prefixes_([this](std::string_view prefix) { in.subscribe(prefix); },
                [this](std::string_view prefix) { in.unsubscribe(prefix); }),
      origins_(options.max_topics),
      request_(in) {
    for (const auto& pattern : options.patterns) subscribe(pattern);
    ask_if_due();
    for (const auto& at : options.bind) bound.push_back(in.bind(at));
    for (const auto& to : options.connect) in.connect(to);
}

void subscribe_channel::state::subscribe(std::string_view pattern) {
    check_pattern(pattern, separator_);
    if (!patterns_.emplace(pattern).second) return;
    trie_.add(pattern);
    prefixes_.add(literal_prefix(pattern, separator_));
    if (wants_values_) request_.renew();
}

void subscribe_channel::state::unsubscribe(std::string_view pattern) {
    const auto known = patterns_.find(pattern);
    if (known == patterns_.end())
        throw error{errc::bad_option, "unsubscribe '" + std::string{pattern} + "': it is not subscribed to"};
    trie_.remove(pattern);
    prefixes_.remove(literal_prefix(pattern, separator_));
    patterns_.erase(known);
    // What comes for them later is no gap.
    origins_.forget_unless([&](std::string_view topic) { return trie_.matches(topic); });
}

/// Asks for last values when an answer is missing or a connection was lost. libzmq subscribes again by
/// itself, but a relay takes that for a repetition while it has not noticed the loss.
void subscribe_channel::state::ask_if_due() {
    reads_since_look_ = 0;
    if (!wants_values_) return;
    if (const auto lost = in.counts().disconnects.value(); std::exchange(disconnects_, lost) != lost)
        request_.renew();
    if (request_.due().passed()) {
        request_.ask(separator_, {patterns_.begin(), patterns_.end()});
        origins_.forgive([this](std::string_view topic) { in.unsubscribe(topic); });
        seen.asked.add();
    }
}

status subscribe_channel::state::wait_ready(std::size_t n, deadline until) {
    return unless_closed([&] { return probe(n, until); });
}

status subscribe_channel::state::probe(std::size_t n, deadline until) {
    constexpr auto first_pause = 50ms, longest_pause = 1000ms;
    std::unordered_set<std::uint64_t> publishers;
    std::string probe, probe_before;
    ask_if_due();
    auto why = status::ok;
    for (auto pause = first_pause; publishers.size() < n && why == status::ok;
         pause = std::min(2 * pause, longest_pause)) {
        // The one before stays for an answer that is on its way.
        if (!probe_before.empty()) in.unsubscribe(probe_before);
        probe_before = std::exchange(probe, probe_topic(random_id()));
        in.subscribe(probe);
        for (const deadline again{pause}; publishers.size() < n && why == status::ok;) {
            received one;
            why = read(one, std::min(again.at(), until.at()));
            if (why == status::timeout && !until.passed()) {
                why = status::ok;
                break;
            }
            if (why != status::ok) break;
            if (one.topic() != probe && one.topic() != probe_before) {
                keep_waiting(std::move(one));
            } else if (const auto end = trailer::decode(one.frames[1].view());
                       end && end->kind == publication_kind::ready) {
                publishers.insert(end->publisher);
                one.answers_probe = true;
                keep_waiting(std::move(one));
            }
        }
    }
    for (const auto& old : {probe, probe_before}) {
        if (!old.empty() && why != status::closed) in.unsubscribe(old);
    }
    return why;
}

void subscribe_channel::state::keep_waiting(received&& one) {
    const auto bytes = one.bytes();
    if (waiting_bytes_ + bytes > most_waiting) return seen.overrun.add();
    waiting_bytes_ += bytes;
    waiting_.push_back(std::move(one));
}

status subscribe_channel::state::next(deadline until) {
    return unless_closed([&] {
        for (;;) {
            const bool just_read = waiting_.empty() && !wants_values_;
            if (const auto why = just_read ? read(now_, until) : take(until); why != status::ok) return why;
            if (judge()) return status::ok;
        }
    });
}

status subscribe_channel::state::take(deadline until) {
    if (!waiting_.empty()) {
        now_ = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_bytes_ -= now_.bytes();
        return status::ok;
    }
    if (++reads_since_look_ >= reads_between_looks) ask_if_due();
    auto why = read(now_, deadline::now());
    while (why == status::timeout && !until.passed()) {
        ask_if_due();
        const auto wake = std::min(request_.due().at(), deadline{look_again}.at());
        why = read(now_, std::min(wake, until.at()));
    }
    return why;
}

status subscribe_channel::state::read(received& into, deadline until) {
    const auto before = into.count;
    into.answers_probe = false;
    if (const auto why = in.receive(into.frames, into.sizes, into.count, until); why != status::ok)
        return why;
    for (auto i = into.count; i < std::min(before, into.frames.size()); ++i) into.frames[i] = {};
    return status::ok;
}

void subscribe_channel::state::count_object() noexcept {
    if (++objects_ > 1) in.counts().messages_received.add();
}

void subscribe_channel::state::end_body(decode_error error) noexcept {
    if (objects_ == 0 && current.skip == 0 && error == decode_error::none) error = decode_error::truncated;
    if (error != decode_error::none) {
        in.counts().decode_errors[static_cast<std::size_t>(error)].add();
        in.counts().drop(drop_reason::undecodable);
    }
    in.counts().batches_received.add();
}

}  // namespace leat::detail

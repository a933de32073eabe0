#include <leat/pubsub/detail/subscribe_state.hpp>

#include <algorithm>
#include <utility>

// Which messages are given to the user, and what they tell of those that did not come.

namespace leat::detail {
namespace {

constexpr std::size_t longest_plain_topic = 4096;

}  // namespace

/// Whether the message that was read is to be given; `current` then says what it is.
bool subscribe_channel::state::judge() {
    objects_ = 0;
    const auto topic = now_.topic();
    if (is_private(topic)) return judge_private(topic);
    if (now_.count < 3) return judge_plain(topic);
    const auto end = now_.count == 3 ? trailer::decode(now_.view(2)) : std::nullopt;
    if (!end || end->kind != publication_kind::live) return malformed();
    if (auto* const from = origins_.latest(end->publisher);
        from != nullptr && from->is_next(topic, end->sequence)) [[likely]] {
        from->latest->second += end->count;
        found_now(topic, &now_.frames[1], end->publisher);
        current.sequence = end->sequence;
        return true;
    }
    return judge_live(topic, *end);
}

bool subscribe_channel::state::malformed() noexcept {
    seen.malformed.add();
    return false;
}

bool subscribe_channel::state::judge_plain(std::string_view topic) {
    if (topic.size() > longest_plain_topic) return malformed();
    if (!trie_.matches(topic)) {
        seen.unmatched.add();
        return false;
    }
    seen.plain.add();
    found_now(topic, now_.count > 1 ? &now_.frames[1] : nullptr, 0);
    return true;
}

// Member by member: a whole `found` is written in pieces and copied in larger ones, which waits for the
// first.
void subscribe_channel::state::found_now(std::string_view topic, message* body,
                                         std::uint64_t publisher) noexcept {
    current.topic = topic;
    current.body = body;
    current.publisher = publisher;
    current.sequence = 0;
    current.skip = 0;
    current.last_value = false;
}

origin& subscribe_channel::state::origin_of(const trailer& end) {
    if (auto* latest = origins_.latest(end.publisher)) return *latest;
    return origins_.find(end, [&](std::uint64_t before) {
        seen.restarts.add();
        if (on_restart_) on_restart_({before, end.publisher});
    });
}

bool subscribe_channel::state::judge_live(std::string_view topic, const trailer& end) {
    auto& from = origin_of(end);
    found_now(topic, &now_.frames[1], end.publisher);
    if (!wants_values_ || from.answered || from.topics.contains(current.topic))
        return follow(from, current.topic, end);
    // Its last values come first, and what follows them; this is among or before them.
    seen.superseded.add(end.count);
    await_values(from);
    return false;
}

void subscribe_channel::state::await_values(origin& from) {
    origins_.set_owes(from, true);
    request_.expect_answer();
}

bool subscribe_channel::state::judge_private(std::string_view topic) {
    const auto end = trailer::decode(now_.frames[std::min(now_.count, now_.frames.size()) - 1].view());
    if (now_.answers_probe) {
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): wait_ready has read the trailer
        auto& from = origin_of(*end);
        // Its last values came before, unless it had too many asks or they found no room.
        if (wants_values_ && !from.answered) await_values(from);
        return false;
    }
    if (!request_.is_answer(topic)) return false;  // another subscriber's, or an old one
    const bool value = now_.count == 4;
    if (!end || (!value && now_.count != 2)) return malformed();
    if (value && end->kind == publication_kind::last_value) return judge_value(*end);
    if (value || (end->kind != publication_kind::end && end->kind != publication_kind::part))
        return malformed();
    judge_end(*end);
    return false;
}

bool subscribe_channel::state::judge_value(const trailer& end) {
    auto& from = origin_of(end);
    if (std::exchange(from.values_of, request_.current()) != request_.current()) from.values = 0;
    ++from.values;
    from.answered = true;
    origins_.set_owes(from, true);
    request_.heard();
    found_now(now_.frames[1].text(), &now_.frames[2], end.publisher);
    current.last_value = true;
    return follow(from, current.topic, end);
}

void subscribe_channel::state::judge_end(const trailer& end) {
    auto& from = origin_of(end);
    const auto values = from.values_of == request_.current() ? from.values : 0;
    from.values = 0;
    from.answered = true;
    if (request_.is_stale()) return;
    const bool complete = values >= end.count;
    origins_.set_owes(from, !complete || end.kind == publication_kind::part);
    if (!from.next_part.empty()) in.unsubscribe(std::exchange(from.next_part, {}));
    if (complete && end.kind == publication_kind::part) {
        from.next_part = request_.ask_for_part(end.publisher, end.sequence);
        in.subscribe(from.next_part);
        request_.heard();
    } else if (!complete) {  // cut short
        request_.expect_answer();
    }
    if (!origins_.owes_values()) request_.answered();
}

/// Compares the message's number with that of the one before. False when it is not to be given.
bool subscribe_channel::state::follow(origin& from, std::string_view topic, const trailer& end) {
    auto* const known = from.find(topic);
    const bool is_new = known == nullptr;
    if (is_new && !trie_.matches(topic)) {
        seen.unmatched.add();
        return false;
    }
    if (is_new && !topic_fault(topic, separator_).empty()) return malformed();
    current.sequence = end.sequence;
    const auto last = end.sequence + end.count - 1;
    if (is_new || end.sequence == 0) {
        if (end.sequence == 0 || !origins_.track(from, topic, last)) seen.untracked.add(end.count);
        return true;
    }
    if (last <= known->second) {
        seen.repeats.add(end.count);
        return false;
    }
    const auto expected = known->second + 1;
    known->second = last;
    if (end.sequence > expected) {
        seen.gaps.add();
        seen.missed.add(end.sequence - expected);
        if (on_gap_) on_gap_({std::string{topic}, end.publisher, expected, end.sequence - 1});
    } else {
        current.skip = expected - end.sequence;
    }
    return true;
}

}  // namespace leat::detail

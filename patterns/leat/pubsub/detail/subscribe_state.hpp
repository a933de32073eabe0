#pragma once

#include <leat/pubsub/detail/origin_book.hpp>
#include <leat/pubsub/detail/prefix_cover.hpp>
#include <leat/pubsub/detail/subscribe_channel.hpp>
#include <leat/pubsub/detail/topic_trie.hpp>
#include <leat/pubsub/detail/value_request.hpp>
#include <leat/pubsub/detail/wire.hpp>

#include <array>
#include <deque>
#include <set>

namespace leat::detail {

/// A message of a publisher, as frames. More than four are of no meaning and are not kept.
struct received {
    std::array<message, 4> frames;
    std::array<std::size_t, 4> sizes{};
    std::size_t count = 0;       // also of those that were not kept
    bool answers_probe = false;  // of this subscriber

    [[nodiscard]] std::string_view topic() const noexcept {
        return {reinterpret_cast<const char*>(frames[0].data()), sizes[0]};
    }
    [[nodiscard]] std::span<const std::byte> view(std::size_t i) const noexcept {
        return {frames[i].data(), sizes[i]};
    }
    [[nodiscard]] std::size_t bytes() const noexcept {
        std::size_t all = 0;
        for (const auto& one : frames) all += one.size() + sizeof(message);
        return all;
    }
};

class subscribe_channel::state {
public:
    state(context& ctx, subscribe_options options);

    void subscribe(std::string_view pattern);
    void unsubscribe(std::string_view pattern);
    status wait_ready(std::size_t n, deadline until);
    status next(deadline until);
    void count_object() noexcept;
    void end_body(decode_error error) noexcept;

    socket in;
    endpoints bound;
    subscription_metrics seen;
    found current;

private:
    // subscribe_state.cpp
    status probe(std::size_t n, deadline until);
    status take(deadline until);
    status read(received& into, deadline until);
    void ask_if_due();
    void keep_waiting(received&& one);

    // subscribe_judge.cpp: what is to be given
    bool judge();
    bool judge_plain(std::string_view topic);
    bool judge_live(std::string_view topic, const trailer& end);
    bool judge_private(std::string_view topic);
    bool judge_value(const trailer& end);
    void judge_end(const trailer& end);
    bool follow(origin& from, std::string_view topic, const trailer& end);
    origin& origin_of(const trailer& end);
    void found_now(std::string_view topic, message* body, std::uint64_t publisher) noexcept;
    void await_values(origin& from);
    bool malformed() noexcept;

    const char separator_;
    const bool wants_values_;
    std::function<void(const gap&)> on_gap_;
    std::function<void(const publisher_restart&)> on_restart_;

    std::set<std::string, std::less<>> patterns_;
    topic_trie trie_;
    prefix_cover prefixes_;

    origin_book origins_;
    value_request request_;
    std::uint64_t disconnects_ = 0;  // known of
    std::uint32_t reads_since_look_ = 0;

    std::deque<received> waiting_;  // read by wait_ready
    std::size_t waiting_bytes_ = 0;
    received now_;
    std::uint64_t objects_ = 0;  // of the body
};

}  // namespace leat::detail

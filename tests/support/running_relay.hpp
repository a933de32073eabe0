#pragma once

#include <leat/forwarder/relay.hpp>

#include "support/joined.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <map>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace support {

/// A relay that runs on a thread of its own until it is stopped, at the latest with this object.
class running_relay {
public:
    running_relay(leat::context& ctx, leat::relay_options options) : relay_(ctx, std::move(options)) {
        thread_ = std::thread{[this] { report_ = relay_.run(stop_.get_token()); }};
    }
    ~running_relay() { stop(); }
    running_relay(const running_relay&) = delete;
    running_relay& operator=(const running_relay&) = delete;

    leat::relay_report stop() {
        stop_.request_stop();
        return end();
    }

    /// Waits for it to end by itself.
    leat::relay_report end() {
        if (thread_.joinable()) thread_.join();
        return report_;
    }

    leat::relay* operator->() noexcept { return &relay_; }

private:
    leat::relay relay_;
    std::stop_source stop_;
    leat::relay_report report_;
    std::thread thread_;
};

/// A relay that binds both sides, to ports that the system picks.
inline leat::relay_options relayed(leat::relay_kind kind) {
    return {.kind = kind, .in = {.bind = "tcp://127.0.0.1:*"}, .out = {.bind = "tcp://127.0.0.1:*"}};
}

/// A second thread that uses sockets of this one, which has them back once it has joined.
class aside {
public:
    template <class Work>
    aside(std::vector<leat::socket*> lent, Work work) : lent_(std::move(lent)) {
        for (auto* one : lent_) one->hand_over();
        thread_ = std::thread{std::move(work)};
    }
    ~aside() { join(); }
    aside(const aside&) = delete;
    aside& operator=(const aside&) = delete;

    void join() {
        if (!thread_.joinable()) return;
        thread_.join();
        for (auto* one : lent_) one->hand_over();
    }

private:
    std::vector<leat::socket*> lent_;
    std::thread thread_;
};

/// A socket that is joined to the other side of `at`.
inline leat::socket connected(leat::context& ctx, leat::role what, const leat::endpoint& at,
                              leat::socket_options options = {}) {
    leat::socket s{ctx, what, std::move(options)};
    s.connect(at);
    REQUIRE(s.wait_connected(1, patience) == leat::status::ok);
    return s;
}

/// Waits for what shows in counters only; false when it has not come about in time.
template <class Condition>
[[nodiscard]] bool comes_true(Condition condition, leat::deadline until = patience) {
    while (!condition()) {
        if (until.passed()) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

/// Sends "tag first", "tag first+1" and so on, filled up with spaces to `size` bytes, until there are `end`
/// of them or one has found no room for `pause`. Returns the number after the last one that was sent.
inline int send_numbered(leat::socket& to, const std::string& tag, int first, int end, std::size_t size = 0,
                         std::chrono::milliseconds pause = patience) {
    for (; first < end; ++first) {
        auto text = tag + " " + std::to_string(first);
        text.resize(std::max(size, text.size()), ' ');
        leat::message m{text};
        if (to.send(m, pause) != leat::status::ok) break;
    }
    return first;
}

/// What several receivers got, and whether each one got the messages of each sender in order.
class harvest {
public:
    /// Reads from all of `from` until `messages` have come in all, or `until`. A frame may hold several,
    /// `size` bytes each.
    void gather(std::vector<leat::socket*> from, std::size_t messages, std::size_t size = 0,
                leat::deadline until = patience) {
        std::vector<zmq_pollitem_t> items;
        for (auto* s : from) items.push_back({s->handle(), 0, ZMQ_POLLIN, 0});
        const auto wanted = total_ + messages;
        while (total_ < wanted && !until.passed()) {
            if (zmq_poll(items.data(), static_cast<int>(items.size()), until.poll_timeout()) < 0) continue;
            leat::message frame;
            for (auto* s : from) {
                while (total_ < wanted && s->receive(frame, leat::deadline::now()) == leat::status::ok)
                    note(s, frame, size);
            }
        }
    }

    [[nodiscard]] std::size_t total() const noexcept { return total_; }
    [[nodiscard]] std::size_t frames() const noexcept { return frames_; }
    [[nodiscard]] bool in_order() const noexcept { return in_order_; }

    [[nodiscard]] bool has(const std::string& tag) const { return seen_.contains(tag); }

    /// Each number from 0 up to `end` came from the sender of that tag, once.
    [[nodiscard]] bool has_all(const std::string& tag, int end) const {
        const auto found = seen_.find(tag);
        return found != seen_.end() && static_cast<int>(found->second.size()) == end &&
               *found->second.rbegin() == end - 1 && *found->second.begin() == 0;
    }

private:
    void note(leat::socket* by, const leat::message& frame, std::size_t size) {
        ++frames_;
        auto rest = frame.text();
        while (!rest.empty()) {
            const auto one = rest.substr(0, size == 0 ? rest.size() : size);
            rest.remove_prefix(one.size());
            const auto space = one.find(' ');
            const std::string tag{one.substr(0, space)};
            const int number = std::stoi(std::string{one.substr(space + 1)});
            const auto [last, first_one] = last_.try_emplace({by, tag}, number);
            if (!first_one && number <= std::exchange(last->second, number)) in_order_ = false;
            if (!seen_[tag].insert(number).second) in_order_ = false;
            ++total_;
        }
    }

    std::size_t total_ = 0;
    std::size_t frames_ = 0;
    bool in_order_ = true;
    std::map<std::pair<leat::socket*, std::string>, int> last_;
    std::map<std::string, std::set<int>> seen_;
};

}  // namespace support

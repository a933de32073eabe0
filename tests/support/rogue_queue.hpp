#pragma once

#include <leat/queue/detail/wire_io.hpp>

#include "support/joined.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace support {

namespace wire = leat::detail::wire;

/// A ROUTER that says to a client what a test wants, as if it were a queue's.
class rogue_queue {
public:
    explicit rogue_queue(leat::context& ctx, const leat::endpoint& at = leat::endpoint{"tcp://127.0.0.1:*"})
        : s_(ctx, leat::role::router), at_(s_.bind(at)) {}

    [[nodiscard]] const leat::endpoint& at() const noexcept { return at_; }

    /// The command of the next frame; 0 when there is none. What is said from now on goes to its sender.
    int hear(leat::deadline until = patience) {
        if (s_.receive(last_, until) != leat::status::ok) return 0;
        REQUIRE(last_.size() >= 2);
        to_ = last_[0].text();
        return static_cast<int>(*wire::command_of(last_[1].view()));
    }

    /// The next frame of this command, which it steps over others for.
    int hear_of(wire::command what) {
        for (;;) {
            const auto got = hear();
            if (got == 0 || got == static_cast<int>(what)) return got;
        }
    }

    template <class Frame>
    [[nodiscard]] Frame heard() const {
        Frame frame;
        REQUIRE(wire::read(last_[1].view(), frame));
        return frame;
    }
    [[nodiscard]] std::string body() const { return last_.size() > 2 ? std::string{last_[2].text()} : ""; }

    /// Waits for a HELLO; what is said from now on is of its session.
    wire::hello greeted() {
        REQUIRE(hear_of(wire::command::hello) != 0);
        auto hello = heard<wire::hello>();
        session_ = hello.at.session;
        out_ = 0;
        return hello;
    }

    /// The same, and answers it.
    wire::hello welcome(wire::welcome frame = terms()) {
        auto hello = greeted();
        say(std::move(frame));
        return hello;
    }

    /// As a queue of the default rules would have them.
    static wire::welcome terms() {
        wire::welcome frame;
        frame.queue_id = std::string(16, 'q');
        frame.opening = 1;
        frame.salt = 2;
        frame.lease = 30'000;
        frame.session_timeout = 10'000;
        frame.max_hold = 60'000;
        frame.max_message = 1 << 20;
        frame.bytes = 1 << 20;
        return frame;
    }

    /// A frame of this session, the `counter`th.
    template <class Frame>
    [[nodiscard]] std::string text_of(Frame frame, std::uint64_t counter) const {
        frame.at.session = session_;
        frame.at.counter = counter;
        leat::buffer bytes;
        wire::write(frame, bytes);
        return {reinterpret_cast<const char*>(bytes.view().data()), bytes.view().size()};
    }

    template <class Frame>
    void say(Frame frame, const std::optional<std::string>& body = {}) {
        raw(text_of(std::move(frame), ++out_), body);
    }

    /// Ends the session if it has not ended: a counter that leaves some out. A client then says HELLO.
    void end_session() { raw(text_of(wire::pong{}, out_ + 1000)); }

    /// Nobody may be there any more.
    void raw(const std::string& header, const std::optional<std::string>& body = {}) {
        leat::socket::parts parts;
        parts.emplace_back(to_);
        parts.emplace_back(header);
        if (body) parts.emplace_back(*body);
        static_cast<void>(s_.send(parts, leat::deadline::now()));
    }

private:
    leat::socket s_;
    leat::endpoint at_;
    leat::socket::parts last_;
    std::string to_;
    std::uint64_t session_ = 0, out_ = 0;
};

}  // namespace support

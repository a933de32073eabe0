#pragma once

#include <leat/queue/detail/wire_io.hpp>

#include "support/joined.hpp"
#include "support/running_relay.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace support {

namespace wire = leat::detail::wire;

/// A DEALER that says to a queue named "work" what a test wants.
class rogue {
public:
    rogue(leat::context& ctx, const leat::endpoint& at, wire::role as)
        : s_(connected(ctx, leat::role::dealer, at)) {
        hello.as = static_cast<std::uint8_t>(as);
        hello.queue = "work";
        hello.client = as == wire::role::producer ? std::string(16, 'p') : std::string(16, 'c');
        hello.process = std::string(16, 'x');
    }

    template <class Frame>
    void say(Frame frame, const std::string& body = {}) {
        frame.at.session = session;
        frame.at.seen = seen;
        frame.at.counter =
            frame.at.what == static_cast<std::uint8_t>(wire::command::hello) ? out_ = 1 : ++out_;
        leat::buffer bytes;
        wire::write(frame, bytes);
        std::vector<std::string> texts{
            {reinterpret_cast<const char*>(bytes.view().data()), bytes.view().size()}};
        if (frame.at.what == static_cast<std::uint8_t>(wire::command::put)) texts.push_back(body);
        raw(texts);
    }

    void raw(const std::vector<std::string>& texts) {
        leat::socket::parts parts;
        for (const auto& text : texts) parts.emplace_back(text);
        REQUIRE(s_.send(parts, patience) == leat::status::ok);
    }

    /// The command of the next answer, and the code of an error as its negative; 0 when there is none.
    int answer(leat::deadline until = patience) {
        if (s_.receive(last_, until) != leat::status::ok) return 0;
        const auto what = static_cast<int>(*wire::command_of(last_[0].view()));
        return what == static_cast<int>(wire::command::error) ? -read<wire::error>().code : what;
    }

    /// The answer that `answer` has told of.
    template <class Frame>
    [[nodiscard]] Frame read() const {
        Frame frame;
        REQUIRE(wire::read(last_[0].view(), frame));
        return frame;
    }

    wire::hello hello;
    std::uint64_t session = 77;
    std::uint64_t seen = 0;

private:
    leat::socket s_;
    leat::socket::parts last_;
    std::uint64_t out_ = 0;
};

/// What `rogue::answer` gives.
namespace answers {

inline constexpr int welcome = 17, confirm = 18, refuse = 19, grant = 20, deliver = 21, settled = 22,
                     lost = 23, pong = 24, figures = 25, messages = 27, dead = 28, done = 29;
inline constexpr int no_queue = -2, session_lost = -4, out_of_sequence = -5, bad_frame = -6, unknown = -7,
                     too_many_sessions = -8, standby = -10;

}  // namespace answers

inline wire::put put_of(std::uint64_t first, std::vector<std::uint32_t> sizes) {
    wire::put frame;
    frame.first = first;
    frame.sizes = std::move(sizes);
    return frame;
}

}  // namespace support

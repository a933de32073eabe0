#pragma once

#include <leat/message.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace leat {

/// How a call has ended. Exactly one of these, exactly once.
enum class call_status : std::uint8_t {
    answered,   ///< The handler's reply is here.
    failed,     ///< The other side answered with an error: see `answer::failure`.
    timed_out,  ///< The deadline passed while a server had the request. Whether it was handled is not known.
    cancelled,  ///< By `cancel`, a stop token, or the end of the requester.
    no_server,  ///< The deadline passed, and no server was there to take the request. It was not handled.
    peer_lost,  ///< The server that had the request is gone. Whether it was handled is not known.
    busy,       ///< `max_in_flight` calls were open already. It was not sent.
    closed,     ///< The context is closing.
};

[[nodiscard]] std::string_view to_string(call_status how) noexcept;

/// leat's own codes of failed calls; all are negative. Handlers use 0 and above.
enum class reply_code : std::int32_t {
    internal = -1,      ///< The handler threw something that is not meant for callers.
    overloaded = -2,    ///< The server's backlog was full. Not handled.
    no_method = -3,     ///< The service has no method of that name. Not handled.
    bad_request = -4,   ///< The body is not what the method takes. Not handled.
    not_answered = -5,  ///< The responder was destroyed without an answer.
    stopping = -6,      ///< The server is stopping. Not handled.
    stale = -7,         ///< The request arrived after its caller had given up. Not handled.
    bad_answer = -8,    ///< The reply is not what the caller expects; found by the caller.
    too_late = -9,      ///< Its time was up before a worker came to it. Not handled.
};

/// What an error reply says.
struct call_failure {
    std::int32_t code = 0;
    std::string text = {};

    [[nodiscard]] bool is(reply_code one) const noexcept { return code == static_cast<std::int32_t>(one); }
};

/// The end of a call: a reply, or how it ended instead. A value.
template <class Rep>
class [[nodiscard]] answer {
public:
    answer(Rep reply)
        : reply_(std::move(reply)), how_(call_status::answered) {}  // NOLINT(google-explicit-constructor)
    answer(call_status how) : how_(how) {}                          // NOLINT(google-explicit-constructor)
    answer(call_failure why)
        : how_(call_status::failed), failure_(std::move(why)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] explicit operator bool() const noexcept { return how_ == call_status::answered; }
    [[nodiscard]] call_status why() const noexcept { return how_; }

    /// The code and text of a failed call; empty for all others.
    [[nodiscard]] const call_failure& failure() const noexcept { return failure_; }

    Rep& operator*() & noexcept { return *reply_; }
    const Rep& operator*() const& noexcept { return *reply_; }
    Rep&& operator*() && noexcept { return std::move(*reply_); }
    Rep* operator->() noexcept { return &*reply_; }
    const Rep* operator->() const noexcept { return &*reply_; }

private:
    std::optional<Rep> reply_;
    call_status how_;
    call_failure failure_;
};

/// "peer lost", or "failed: TEXT (CODE)": for people.
[[nodiscard]] std::string describe(call_status how, const call_failure& why);

template <class Rep>
[[nodiscard]] std::string describe(const answer<Rep>& a) {
    return describe(a.why(), a.failure());
}

}  // namespace leat

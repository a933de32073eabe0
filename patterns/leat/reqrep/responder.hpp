#pragma once

#include <leat/buffer.hpp>
#include <leat/codec.hpp>
#include <leat/message.hpp>
#include <leat/reqrep/answer.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>

namespace leat {

namespace detail {
class reply_core;
}

/// Thrown by a handler to answer with an error that the caller is to see. What else a handler throws reaches
/// the caller as `reply_code::internal`, without its text.
class reply_error : public std::runtime_error {
public:
    /// @param code 0 or above, the application's own; negative ones are leat's
    reply_error(std::int32_t code, const std::string& text) : std::runtime_error(text), code_(code) {}

    [[nodiscard]] std::int32_t code() const noexcept { return code_; }

private:
    std::int32_t code_;
};

/// An open request, whose answer is owed: the untyped part of `responder`.
///
/// Move-only; may be used from any thread, by one at a time, and outlive its replier. Destroyed without an
/// answer, it answers `reply_code::not_answered`.
class open_request {
public:
    open_request() = default;
    open_request(std::shared_ptr<detail::reply_core> core, std::uint64_t which) noexcept
        : core_(std::move(core)), which_(which) {}
    open_request(open_request&& other) noexcept = default;
    open_request& operator=(open_request&& other) noexcept;
    ~open_request();

    /// Answers, once; later ones do nothing. Does not wait. True when libzmq took the answer for a caller
    /// that still wants it; it does not mean that the caller has it.
    bool send(bytes&& body);

    /// Answers with an error. The text is cut after 4096 bytes.
    bool fail(std::int32_t code, std::string_view text);
    bool fail(reply_code code, std::string_view text) { return fail(static_cast<std::int32_t>(code), text); }

    /// Until the caller's deadline, zero once it has passed; nothing when the caller gave none.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> remaining() const;

    /// Nobody wants the answer any more: the caller has cancelled the call or has gone, or the replier has
    /// ended.
    [[nodiscard]] bool cancelled() const;

    /// Requested when `cancelled` turns true, also when a replier that stops waits for it no longer; not by
    /// the caller's deadline. Callbacks of it run on a thread of the replier, or of who stops it.
    [[nodiscard]] std::stop_token stop_token() const;

    [[nodiscard]] bool answered() const noexcept { return core_ == nullptr; }

private:
    std::shared_ptr<detail::reply_core> core_;
    std::uint64_t which_ = 0;
};

/// Answers one request, now or later: see `open_request`.
template <class Rep>
class responder {
public:
    explicit responder(open_request&& of) : of_(std::move(of)) {}

    bool reply(const Rep& value)
        requires(!std::same_as<Rep, bytes>)
    {
        buffer out;
        encode(value, out);
        return of_.send(bytes{out.view()});
    }
    bool reply(bytes&& body)
        requires std::same_as<Rep, bytes>
    {
        return of_.send(std::move(body));
    }
    bool fail(std::int32_t code, std::string_view text) { return of_.fail(code, text); }

    [[nodiscard]] std::optional<std::chrono::nanoseconds> remaining() const { return of_.remaining(); }
    [[nodiscard]] bool cancelled() const { return of_.cancelled(); }
    [[nodiscard]] std::stop_token stop_token() const { return of_.stop_token(); }
    [[nodiscard]] bool answered() const noexcept { return of_.answered(); }

private:
    open_request of_;
};

}  // namespace leat

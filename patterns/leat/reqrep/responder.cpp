#include <leat/reqrep/responder.hpp>

#include <leat/reqrep/detail/reply_core.hpp>

namespace leat {

open_request& open_request::operator=(open_request&& other) noexcept {
    if (this != &other) {
        const open_request old{std::move(*this)};
        core_ = std::move(other.core_);
        which_ = other.which_;
    }
    return *this;
}

open_request::~open_request() {
    if (core_) fail(reply_code::not_answered, "the request was dropped without an answer");
}

bool open_request::send(bytes&& body) {
    const auto core = std::exchange(core_, nullptr);
    return core && core->answer(which_, detail::call_kind::reply, std::move(body));
}

bool open_request::fail(std::int32_t code, std::string_view text) {
    const auto core = std::exchange(core_, nullptr);
    return core && core->answer(which_, detail::call_kind::error, detail::write_failure(code, text));
}

std::optional<std::chrono::nanoseconds> open_request::remaining() const {
    return core_ ? core_->remaining(which_) : std::chrono::nanoseconds{0};
}

bool open_request::cancelled() const {
    return !core_ || core_->cancelled(which_);
}

std::stop_token open_request::stop_token() const {
    return core_ ? core_->stop_token(which_) : std::stop_token{};
}

}  // namespace leat

#pragma once

#include <optional>
#include <string_view>
#include <utility>

namespace leat {

/// How a call that may wait has ended.
enum class status {
    ok,
    timeout,  ///< The deadline passed first. Nothing has changed: what was to be sent is still the caller's.
    stopped,  ///< The stop token was asked to stop.
    closed,   ///< The context is closing; the socket will do nothing more.
    no_peer,  ///< A ROUTER knows no peer of that routing id (any more).
};

[[nodiscard]] constexpr std::string_view to_string(status s) noexcept {
    switch (s) {
        case status::ok:
            return "ok";
        case status::timeout:
            return "timeout";
        case status::stopped:
            return "stopped";
        case status::closed:
            return "closed";
        case status::no_peer:
            return "no peer";
    }
    return "unknown";
}

/// A value, or the reason why there is none. Holds a value exactly when `why()` is `status::ok`.
template <class T>
class [[nodiscard]] result {
public:
    result(T value) : value_(std::move(value)), why_(status::ok) {}  // NOLINT(google-explicit-constructor)
    result(status why) : why_(why) {}                                // NOLINT(google-explicit-constructor)

    [[nodiscard]] explicit operator bool() const noexcept { return value_.has_value(); }
    [[nodiscard]] status why() const noexcept { return why_; }

    T& operator*() & noexcept { return *value_; }
    const T& operator*() const& noexcept { return *value_; }
    T&& operator*() && noexcept { return std::move(*value_); }  // NOLINT(bugprone-unchecked-optional-access)
    T* operator->() noexcept { return &*value_; }
    const T* operator->() const noexcept { return &*value_; }

private:
    std::optional<T> value_;
    status why_;
};

}  // namespace leat

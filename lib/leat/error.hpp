#pragma once

#include <string>
#include <system_error>

namespace leat {

/// What went wrong, for code that must tell cases apart. The text of the `error` is for people.
enum class errc {
    bad_endpoint = 1,  ///< An endpoint's text is malformed, or does not fit what it is used for.
    bad_option,        ///< An option is out of its range, or contradicts another.
    insecure_bind,     ///< A TCP bind beyond loopback without CURVE keys and without `insecure`.
    bind_failed,       ///< The system or libzmq refused to bind.
    connect_failed,    ///< The system or libzmq refused to connect.
    wrong_thread,      ///< A socket was used from a second thread.
    settled_twice,     ///< Something was answered for that had its outcome already.
    closed,            ///< The socket or its context is closed.
    no_resources,      ///< Out of sockets, file descriptors or memory.
    store_in_use,      ///< A directory is another queue's, in this process or another.
    store_unreadable,  ///< A directory holds a newer format, another queue, or is damaged.
    store_failed,      ///< A directory could not be read or written.
    internal,          ///< libzmq answered in a way that leat does not expect.
};

/// The category of leat's own error codes; its name is "leat".
[[nodiscard]] const std::error_category& error_category() noexcept;

[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

/// Thrown on misuse and failed set-up; never for a timeout, a would-block or a stop, which are a `status`.
///
/// `what()` names the endpoint or option, what is wrong, and what would be right.
class error : public std::system_error {
public:
    error(errc code, const std::string& text);

    [[nodiscard]] errc kind() const noexcept { return static_cast<errc>(code().value()); }
    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

}  // namespace leat

template <>
struct std::is_error_code_enum<leat::errc> : std::true_type {};

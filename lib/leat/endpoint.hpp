#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace leat {

/// Where a socket binds or connects: `tcp://host:port`, `ipc://path` or `inproc://name`.
///
/// A value: cheap to copy, compared by its text. Checked when made, so a socket never sees a malformed one.
/// A TCP host is a name, an IPv4 address, an IPv6 address in brackets, or `*` for every interface (bind
/// only).
class endpoint {
public:
    enum class transport { tcp, ipc, inproc };

    /// Parses `text`. A TCP port is 1-65535, or `*` for one that the system picks (bind only). `ipc://*` lets
    /// the system pick a path (bind only). An ipc path is at most 107 bytes, an inproc name at most 255.
    /// @throws leat::error (`errc::bad_endpoint`) naming the part that is wrong and what would be right.
    explicit endpoint(std::string_view text);

    [[nodiscard]] transport via() const noexcept { return via_; }
    [[nodiscard]] const std::string& str() const noexcept { return text_; }

    /// True when no other machine can reach it: ipc, inproc, and TCP on 127.0.0.0/8, [::1] or localhost.
    [[nodiscard]] bool is_local() const noexcept { return local_; }

    /// True when it has a `*` in it, which only a bind can resolve.
    [[nodiscard]] bool is_wildcard() const noexcept { return wildcard_; }

    friend bool operator==(const endpoint&, const endpoint&) = default;

private:
    void parse_tcp(std::string_view address);

    transport via_ = transport::tcp;
    bool local_ = true;
    bool wildcard_ = false;
    std::string text_;
};

/// None, one or several endpoints, written as `"tcp://..."` or `{"tcp://...", "ipc://..."}`.
class endpoints : public std::vector<endpoint> {
public:
    endpoints() = default;
    endpoints(endpoint one) { push_back(std::move(one)); }      // NOLINT(google-explicit-constructor)
    endpoints(const char* text) { emplace_back(text); }         // NOLINT(google-explicit-constructor)
    endpoints(const std::string& text) { emplace_back(text); }  // NOLINT(google-explicit-constructor)
    endpoints(std::initializer_list<std::string_view> texts) {
        for (auto text : texts) emplace_back(text);
    }
    explicit endpoints(const std::vector<std::string>& texts) {
        for (const auto& text : texts) emplace_back(text);
    }
};

}  // namespace leat

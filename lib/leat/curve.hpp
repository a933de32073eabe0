#pragma once

#include <string>

namespace leat {

/// A CURVE key pair (RFC 26/CurveZMQ), each key as 40 characters of Z85 (RFC 32).
struct curve_keys {
    std::string public_key = {};
    std::string secret_key = {};

    /// A new random pair.
    /// @throws leat::error (`errc::bad_option`) when this libzmq was built without CURVE.
    [[nodiscard]] static curve_keys generate();
};

/// What a socket that binds needs to be a CURVE server. Every client key is let in; allow-lists are not part
/// of this.
struct curve_server {
    std::string secret_key = {};
};

/// What a socket that connects needs to be a CURVE client: its own pair, and the server's public key.
struct curve_client {
    curve_keys keys = {};
    std::string server_key = {};
};

/// Whether this libzmq was built with CURVE.
[[nodiscard]] bool has_curve() noexcept;

}  // namespace leat

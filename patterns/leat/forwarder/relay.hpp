#pragma once

#include <leat/context.hpp>
#include <leat/forwarder/relay_metrics.hpp>
#include <leat/forwarder/relay_options.hpp>
#include <leat/forwarder/relay_report.hpp>
#include <leat/socket.hpp>

#include <optional>
#include <stop_token>

namespace leat {

/// Joins the peers of two sockets: passes on what comes in, message by message and untouched.
///
/// What it promises: nothing is dropped for want of room. When nobody takes messages, it stops taking them,
/// so that senders feel it; what waits inside is bounded by the sockets' high-water marks. Two things are
/// dropped, and counted: replies whose asker has left or does not read, and copies for a capture socket that
/// cannot take them at once.
///
/// Made, and so bound, on any thread; `run` then owns the sockets until it returns. Counts may be read from
/// any thread.
class relay {
public:
    /// Binds and connects. @throws leat::error as `relay_options::check` does, and as `socket::bind` and
    /// `connect` do.
    relay(context& ctx, relay_options options);

    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;

    /// The endpoints really bound, with the ports that the system picked, in the order of the options.
    [[nodiscard]] const endpoints& in_endpoints() const noexcept { return in_bound_; }
    [[nodiscard]] const endpoints& out_endpoints() const noexcept { return out_bound_; }
    [[nodiscard]] const endpoints& capture_endpoints() const noexcept { return capture_bound_; }

    /// Moves messages on the calling thread until `stop` is requested or the context closes. A stop drains:
    /// what is there moves on for as long as it is taken, until nothing has come for a moment or `drain` has
    /// passed. Then the sockets are closed. Returns within `drain` and a fifth of a second.
    /// @throws leat::error: `closed` when it has run before; `internal`.
    relay_report run(const std::stop_token& stop);

    [[nodiscard]] const relay_metrics& counts() const noexcept { return counts_; }
    [[nodiscard]] const relay_options& options() const noexcept { return options_; }

    /// Of the sockets: connections, above all.
    [[nodiscard]] const metrics& in_counts() const noexcept { return in_.counts(); }
    [[nodiscard]] const metrics& out_counts() const noexcept { return out_.counts(); }

private:
    void close() noexcept;

    relay_options options_;
    relay_metrics counts_;
    socket in_;
    socket out_;
    std::optional<socket> capture_;
    endpoints in_bound_;
    endpoints out_bound_;
    endpoints capture_bound_;
    bool has_run_ = false;
};

}  // namespace leat

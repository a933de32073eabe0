#pragma once

#include <leat/endpoint.hpp>
#include <leat/forwarder/detail/flow.hpp>
#include <leat/forwarder/relay_metrics.hpp>
#include <leat/forwarder/relay_options.hpp>
#include <leat/forwarder/relay_report.hpp>

#include <optional>
#include <stop_token>

namespace leat::detail {

/// Moves messages between two sockets, in both directions if the kind has two, on one thread.
class relay_loop {
public:
    relay_loop(const relay_options& options, socket& in, socket& out, socket* capture, relay_metrics& counts);

    /// Until `stop` is requested or the context is closed.
    void run(const std::stop_token& stop);

    /// Moves on what is there, and counts what it cannot move.
    relay_report drain(const endpoints& in_bound);

private:
    std::size_t pump();
    bool wait(int stop_fd, deadline until);
    void move_rest(deadline until);
    void stop_listening(const endpoints& bound);
    void wait_sent(deadline until);
    [[nodiscard]] bool closed() const noexcept {
        return closed_ || forward_.closed() || (back_ && back_->closed());
    }
    [[nodiscard]] bool owes() const noexcept;
    [[nodiscard]] int events(socket& of);

    const relay_options& options_;
    socket& in_;
    socket& out_;
    relay_metrics& counts_;
    mirror mirror_;
    flow forward_;
    std::optional<flow> back_;
    int in_fd_;
    int out_fd_;
    bool closed_ = false;
};

}  // namespace leat::detail

#pragma once

#include <leat/forwarder/relay.hpp>

#include <memory>
#include <vector>

namespace leat {

/// What the relays of a forwarder have done, in their order.
struct forwarder_report {
    std::vector<relay_report> relays;

    /// True when each one stopped and left nothing behind.
    [[nodiscard]] bool complete() const noexcept;

    /// One line for each relay.
    [[nodiscard]] std::string text() const;
};

/// A set of relays that start and stop together, each on a thread of its own.
///
/// Made, and so bound, on any thread; all endpoints are checked before the first one is bound. Counts may be
/// read from any thread.
class forwarder {
public:
    /// @throws leat::error as `relay` does, and `bad_option` when there is no relay or two bind the same
    /// endpoint.
    forwarder(context& ctx, std::vector<relay_options> relays);

    /// Runs all relays, the last one on the calling thread, until `stop` is requested or one ends, which
    /// stops the others. Each drains. An error ends up in its relay's report.
    forwarder_report run(const std::stop_token& stop);

    [[nodiscard]] std::size_t size() const noexcept { return relays_.size(); }
    [[nodiscard]] relay& operator[](std::size_t i) { return *relays_[i]; }
    [[nodiscard]] const relay& operator[](std::size_t i) const { return *relays_[i]; }

private:
    std::vector<std::unique_ptr<relay>> relays_;
};

}  // namespace leat

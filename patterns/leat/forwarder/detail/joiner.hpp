#pragma once

#include <leat/buffer.hpp>
#include <leat/forwarder/detail/parcel.hpp>

namespace leat::detail {

/// Takes messages from a socket and joins those of one frame that wait together into frames of up to `limit`
/// bytes. Keeps their order, and never waits for more of them.
class joiner {
public:
    /// With a limit of 0 it joins nothing.
    explicit joiner(std::size_t limit) : limit_(limit) {}

    /// Fills the empty `into` with what `from` has, without waiting.
    [[nodiscard]] status receive(socket& from, parcel& into);

    /// Received already, to be part of the next parcel.
    [[nodiscard]] std::uint32_t holds() const noexcept { return next_.messages(); }

private:
    [[nodiscard]] bool fits(const parcel& one) const noexcept {
        return !one.is_multipart() && one.bytes() <= limit_ / 2;
    }
    [[nodiscard]] message joined();

    std::size_t limit_;
    buffer block_;
    parcel next_;
};

}  // namespace leat::detail

#pragma once

#include <leat/forwarder/detail/parcel.hpp>
#include <leat/forwarder/relay_metrics.hpp>

namespace leat::detail {

/// Hands copies to a capture socket, if there is one; what it does not take at once is counted and forgotten.
class mirror {
public:
    mirror(socket* capture, relay_metrics& counts) : capture_(capture), counts_(counts) {}

    void show(parcel& one) {
        if (capture_ != nullptr) offer(one);
    }

    /// A new burst begins: the capture socket is asked again.
    void refresh() noexcept { skip_ = 0; }

private:
    void offer(parcel& one);

    socket* capture_;
    relay_metrics& counts_;
    std::uint32_t skip_ = 0;
};

}  // namespace leat::detail

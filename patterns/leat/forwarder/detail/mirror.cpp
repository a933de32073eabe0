#include <leat/forwarder/detail/mirror.hpp>

namespace leat::detail {
namespace {

// Asking a full socket costs about as much as passing a small message on, so within a burst it is not asked
// each time.
constexpr std::uint32_t rest = 64;

}  // namespace

void mirror::offer(parcel& one) {
    if (skip_ > 0) {
        --skip_;
        counts_.drop(drop_reason::capture, one.messages());
        return;
    }
    auto copy = one.share();
    if (copy.send(*capture_) == status::ok) {
        counts_.captured.add(one.messages());
    } else {
        counts_.drop(drop_reason::capture, one.messages());
        skip_ = rest;
    }
}

}  // namespace leat::detail

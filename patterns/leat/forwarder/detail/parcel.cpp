#include <leat/forwarder/detail/parcel.hpp>

namespace leat::detail {

status parcel::receive(socket& from) {
    if (const auto why = from.receive(frame_, deadline::now()); why != status::ok) return why;
    bytes_ = frame_.size();
    while (frame_.more()) {
        parts_.push_back(std::move(frame_));
        // All frames of a message are there once the first is.
        if (const auto why = from.receive(frame_, deadline::now()); why != status::ok) {
            clear();
            return why;
        }
        bytes_ += frame_.size();
    }
    if (!parts_.empty()) parts_.push_back(std::move(frame_));
    messages_ = 1;
    return status::ok;
}

status parcel::send(socket& to) {
    const auto how =
        parts_.empty() ? to.send(frame_, deadline::now(), messages_) : to.send(parts_, deadline::now());
    if (how == status::ok) {
        parts_.clear();
        messages_ = 0;
    }
    return how;
}

parcel parcel::share() {
    parcel copy{frame_.share(), messages_};
    for (auto& part : parts_) copy.parts_.push_back(part.share());
    return copy;
}

void parcel::clear() noexcept {
    constexpr std::size_t small = 4096;  // not worth giving back: the next one takes its place
    if (bytes_ > small) frame_ = message{};
    parts_.clear();
    messages_ = 0;
}

}  // namespace leat::detail

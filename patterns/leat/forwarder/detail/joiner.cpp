#include <leat/forwarder/detail/joiner.hpp>

namespace leat::detail {
namespace {

void append(buffer& to, const message& frame) {
    to.write(reinterpret_cast<const char*>(frame.data()), frame.size());
}

}  // namespace

status joiner::receive(socket& from, parcel& into) {
    if (limit_ == 0) return into.receive(from);
    if (next_.empty()) {
        if (const auto why = next_.receive(from); why != status::ok) return why;
    }
    std::swap(into, next_);
    if (!fits(into)) return status::ok;
    std::uint32_t messages = 1;
    while (next_.receive(from) == status::ok && fits(next_)) {
        if (messages == 1) {
            block_.reserve(limit_);
            append(block_, into.frame());
        }
        if (block_.size() + next_.bytes() > limit_) break;
        append(block_, next_.frame());
        ++messages;
        next_.clear();
    }
    if (messages > 1) into = parcel{joined(), messages};
    block_.clear();
    return status::ok;
}

/// A full block is given away; a small part of one is copied out, so that the block serves again.
message joiner::joined() {
    if (block_.size() < limit_ / 2) return message{block_.view()};
    const auto size = block_.size();
    return message::adopt(block_.release(), size);
}

}  // namespace leat::detail

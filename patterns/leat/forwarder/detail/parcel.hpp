#pragma once

#include <leat/socket.hpp>

#include <cstdint>

namespace leat::detail {

/// What a relay has in hand: a message of one or several frames, or several messages joined into one frame.
class parcel {
public:
    parcel() = default;
    parcel(message joined, std::uint32_t messages)
        : frame_(std::move(joined)), messages_(messages), bytes_(frame_.size()) {}

    [[nodiscard]] bool empty() const noexcept { return messages_ == 0; }
    [[nodiscard]] bool is_multipart() const noexcept { return !parts_.empty(); }
    [[nodiscard]] std::uint32_t messages() const noexcept { return messages_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] const message& frame() const noexcept { return frame_; }

    /// Takes the next whole message, without waiting. This parcel must be empty, and stays so on anything but
    /// `ok`.
    [[nodiscard]] status receive(socket& from);

    /// Sends it whole, without waiting. It is empty afterwards, or untouched on anything but `ok`.
    [[nodiscard]] status send(socket& to);

    /// Another one with the same frames, whose bytes are not copied.
    [[nodiscard]] parcel share();

    void clear() noexcept;

private:
    message frame_;
    socket::parts parts_;
    std::uint32_t messages_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace leat::detail

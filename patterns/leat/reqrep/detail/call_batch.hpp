#pragma once

#include <leat/buffer.hpp>
#include <leat/codec.hpp>
#include <leat/message.hpp>
#include <leat/options.hpp>
#include <leat/reqrep/detail/call_header.hpp>

#include <msgpack.hpp>

#include <cstddef>
#include <string_view>

namespace leat::detail {

/// Small requests, or answers, that go to one peer as one message: the body of one of kind `batch`.
class call_batch {
public:
    /// Larger ones go alone: copying them would cost more than their frames.
    static constexpr std::size_t largest_body = 1024;

    /// Whether a socket of these options receives any batch.
    [[nodiscard]] static bool fits(const socket_options& options) noexcept {
        return options.max_message >= most_bytes;
    }

    void add(const call_header& header, const message& body);

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }

    /// Whether it is time to send it.
    [[nodiscard]] bool full() const noexcept { return count_ >= enough || packed_.size() >= enough_bytes; }

    /// The message's body; the batch is empty then.
    [[nodiscard]] message take();
    void clear() noexcept;

    /// Hands each part of `body`, in order, to `take(const call_header&, message&&)`, until that returns
    /// false. False when it comes upon what is no part, or upon more parts than one message may have.
    template <class Take>
    [[nodiscard]] static bool each(const message& body, const Take& take) {
        if (body.size() > most_bytes) return false;
        auto parts = reader(body);
        std::size_t count = 0;
        for (part one; parts.next(one);) {
            if (++count > most || one.header.magic != call_header::protocol) return false;
            if (!take(one.header, message{std::string_view{one.body.ptr, one.body.size}})) return true;
        }
        return parts.error() == decode_error::none;
    }

private:
    static constexpr std::size_t enough = 128, enough_bytes = std::size_t{16} << 10;
    static constexpr std::size_t most = 256, most_bytes = std::size_t{64} << 10;

    struct part {
        call_header header;
        msgpack::type::raw_ref body;
        MSGPACK_DEFINE(header, body)
    };
    [[nodiscard]] static decoder<part> reader(const message& body);

    buffer packed_;
    std::size_t count_ = 0;
};

}  // namespace leat::detail

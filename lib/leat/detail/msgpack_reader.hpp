#pragma once

#include "leat/detail/msgpack_limits.hpp"

#include <msgpack.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace leat::detail {

/// One value as it stands in a frame: what it is, and its number, its bytes, or the count of what follows it.
struct msgpack_token {
    msgpack::type::object_type type = msgpack::type::NIL;
    std::uint64_t number = 0;            ///< an integer, a boolean, or the bits of a double
    std::uint32_t size = 0;              ///< bytes of a string, binary or extension; elements or pairs
    const std::uint8_t* data = nullptr;  ///< the bytes; an extension's begin with its type
};

/// A cursor over one frame that checks everything it reads against the frame's end and the limits.
///
/// A read returns false when it failed; the first failure is kept, with its place. Two of the failures are
/// not the frame's: they ask for the object to be read again in another way (see `begin_again`).
class msgpack_reader {
public:
    /// A pair of a map that is read in an order of its own.
    struct pair {
        std::string_view key;  ///< empty with a null pointer: not a string
        const std::uint8_t* value;
    };

    msgpack_reader(std::span<const std::byte> frame, const decode_limits& limits) noexcept;

    // The cursor.
    [[nodiscard]] const std::uint8_t* at() const noexcept { return at_; }
    void move_to(const std::uint8_t* at) noexcept { at_ = at; }
    [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }
    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    [[nodiscard]] std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

    // Failures. The cursor stays at the value at fault.
    [[nodiscard]] decode_error error() const noexcept { return error_; }
    bool fail(decode_error error) noexcept {
        if (error_ == decode_error::none) error_ = error;
        return false;
    }
    bool fail_at(const std::uint8_t* at, decode_error error) noexcept {
        if (error_ == decode_error::none) at_ = at;
        return fail(error);
    }

    // Passes over one object. The first pass reads over what the object holds, and takes the keys of maps to
    // come in their declared order: the cheapest when all fields are there. When one is missing the object
    // must start from its defaults (fresh); when keys come in another order, maps must be indexed before any
    // field is written.
    void begin_object() noexcept;
    [[nodiscard]] bool begin_again() noexcept;
    [[nodiscard]] bool fresh() const noexcept { return fresh_; }
    [[nodiscard]] bool in_order() const noexcept { return in_order_; }
    /// For a field that the frame lacks: true when what the field holds is its default.
    bool missing() noexcept { return fresh_ || fail(needs_fresh); }
    bool out_of_order() noexcept { return fail(needs_index); }

    /// While it lives, values that are read into were just made.
    class fresh_scope {
    public:
        explicit fresh_scope(msgpack_reader& reader) noexcept : reader_(reader), before_(reader.fresh_) {
            reader.fresh_ = true;
        }
        ~fresh_scope() { reader_.fresh_ = before_; }
        fresh_scope(const fresh_scope&) = delete;
        fresh_scope& operator=(const fresh_scope&) = delete;

    private:
        msgpack_reader& reader_;
        bool before_;
    };

    // Values.
    [[nodiscard]] bool take_nil() noexcept {
        if (at_end() || *at_ != 0xc0) return false;
        ++at_;
        return true;
    }

    bool boolean(bool& out) noexcept {
        if (at_end() || (*at_ & 0xfe) != 0xc2) return fail_type();
        out = *at_++ == 0xc3;
        return true;
    }

    template <std::integral Integer>
    bool integer(Integer& out) noexcept {
        if (at_end()) return fail(decode_error::truncated);
        const std::uint8_t head = *at_;
        if (head <= 0x7f) {
            out = static_cast<Integer>(head);
            ++at_;
            return true;
        }
        switch (head) {
            case 0xcc:
                return number<std::uint8_t>(out);
            case 0xcd:
                return number<std::uint16_t>(out);
            case 0xce:
                return number<std::uint32_t>(out);
            case 0xcf:
                return number<std::uint64_t>(out);
            case 0xd0:
                return number<std::int8_t>(out);
            case 0xd1:
                return number<std::int16_t>(out);
            case 0xd2:
                return number<std::int32_t>(out);
            case 0xd3:
                return number<std::int64_t>(out);
            default:
                break;
        }
        if (head < 0xe0) return fail_type();
        if constexpr (std::is_signed_v<Integer>) {
            out =
                static_cast<Integer>(static_cast<std::int8_t>(head));  // NOLINT(bugprone-signed-char-misuse)
            ++at_;
            return true;
        } else {
            return fail(decode_error::out_of_range);
        }
    }

    template <std::floating_point Float>
    bool floating(Float& out) noexcept {
        if (left() >= 9 && *at_ == 0xcb) [[likely]] {
            out = static_cast<Float>(std::bit_cast<double>(load<std::uint64_t>(at_ + 1)));
            at_ += 9;
            return true;
        }
        return other_floating(out);
    }

    /// A string or a binary: its bytes in the frame.
    bool text(std::string_view& out) noexcept {
        if (!at_end() && (*at_ & 0xe0) == 0xa0) [[likely]] {
            const std::size_t size = *at_ & 0x1fU;
            if (size < left() && size <= limits_.string_bytes) [[likely]] {
                out = {reinterpret_cast<const char*>(at_ + 1), size};
                at_ += 1 + size;
                return true;
            }
        }
        return other_text(out);
    }

    [[nodiscard]] bool at_string() const noexcept {
        return !at_end() && ((*at_ & 0xe0) == 0xa0 || (*at_ >= 0xd9 && *at_ <= 0xdb));
    }

    /// Steps over `name` if it comes next, in its shortest form. A longer one than 31 bytes is never found
    /// this way.
    [[gnu::always_inline]] bool take_name(std::string_view name) noexcept {
        const auto size = name.size();
        if (size > 31 || size >= left() || *at_ != (0xa0U | size)) return false;
        if (std::memcmp(at_ + 1, name.data(), size) != 0) return false;
        at_ += 1 + size;
        return true;
    }

    /// The head of an array or a map, whose content is then a level deeper until `leave`.
    bool enter_array(std::uint32_t& count) noexcept {
        if (!at_end() && (*at_ & 0xf0) == 0x90) [[likely]]
            return enter(*at_ & 0x0fU, 1, count, 1);
        return enter_other(0xdc, 1, count);
    }
    bool enter_map(std::uint32_t& count) noexcept {
        if (!at_end() && (*at_ & 0xf0) == 0x80) [[likely]]
            return enter(*at_ & 0x0fU, 1, count, 2);
        return enter_other(0xde, 2, count);
    }
    bool leave() noexcept {
        ++depth_left_;
        return true;
    }

    /// Whatever comes next, as far as its own bytes go: for a container, up to its first element.
    bool token(msgpack_token& out) noexcept;

    /// Steps over one whole value, and checks it on the way.
    bool skip() noexcept;
    bool skip(std::uint32_t count) noexcept;

    /// One whole value as msgpack-cxx's own object. Its containers live until the next `begin_object`, its
    /// strings and binaries are in the frame.
    bool tree(msgpack::object& out);

    /// Puts the pairs of a map that was entered at the end of `pairs`.
    bool index(std::uint32_t count);
    std::vector<pair>& pairs() noexcept { return pairs_; }

    /// Takes `count` elements of `bytes` each from what the frame may unfold to.
    bool charge(std::size_t count, std::size_t bytes) noexcept {
        if (bytes != 0 && count > budget_ / bytes) return fail(decode_error::too_many_elements);
        budget_ -= count * bytes;
        return true;
    }

private:
    static constexpr auto needs_fresh = static_cast<decode_error>(0xfe);
    static constexpr auto needs_index = static_cast<decode_error>(0xff);

    template <std::unsigned_integral Word>
    static Word load(const std::uint8_t* from) noexcept {
        Word word;
        std::memcpy(&word, from, sizeof word);
        if constexpr (std::endian::native == std::endian::big || sizeof(Word) == 1) return word;
        if constexpr (sizeof(Word) == 2) return static_cast<Word>(__builtin_bswap16(word));
        if constexpr (sizeof(Word) == 4) return static_cast<Word>(__builtin_bswap32(word));
        if constexpr (sizeof(Word) == 8) return static_cast<Word>(__builtin_bswap64(word));
    }

    template <class Wire, std::integral Integer>
    bool number(Integer& out) noexcept {
        if (left() <= sizeof(Wire)) return fail(decode_error::truncated);
        const auto value = static_cast<Wire>(load<std::make_unsigned_t<Wire>>(at_ + 1));
        if (!fits<Integer>(value)) return fail(decode_error::out_of_range);
        out = static_cast<Integer>(value);  // NOLINT(bugprone-signed-char-misuse)
        at_ += 1 + sizeof(Wire);
        return true;
    }

    template <class Integer, class Wire>
    static constexpr bool fits(Wire value) noexcept {
        constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
        if constexpr (std::is_signed_v<Wire>) {
            if (value < 0) {
                if constexpr (std::is_signed_v<Integer>)
                    return std::int64_t{value} >= std::int64_t{std::numeric_limits<Integer>::min()};
                return false;
            }
        }
        return static_cast<std::uint64_t>(value) <= largest;
    }

    template <std::floating_point Float>
    bool other_floating(Float& out) noexcept {
        if (left() >= 5 && *at_ == 0xca) {
            out = static_cast<Float>(std::bit_cast<float>(load<std::uint32_t>(at_ + 1)));
            at_ += 5;
            return true;
        }
        if (!at_end() && (*at_ == 0xca || *at_ == 0xcb)) return fail(decode_error::truncated);
        if (!at_end() && (*at_ >= 0xe0 || (*at_ >= 0xd0 && *at_ <= 0xd3))) {
            std::int64_t whole = 0;
            if (!integer(whole)) return false;
            out = static_cast<Float>(whole);
            return true;
        }
        std::uint64_t whole = 0;
        if (!integer(whole)) return false;
        out = static_cast<Float>(whole);
        return true;
    }

    bool enter(std::uint32_t claimed, std::size_t head, std::uint32_t& count, std::size_t least) noexcept {
        if (claimed > limits_.elements) return fail(decode_error::too_many_elements);
        if (claimed * least > left() - head) return fail(decode_error::truncated);
        if (depth_left_ == 0) return fail(decode_error::too_deep);
        --depth_left_;
        count = claimed;
        at_ += head;
        return true;
    }

    bool enter_other(std::uint8_t short_head, std::size_t least, std::uint32_t& count) noexcept;
    bool other_text(std::string_view& out) noexcept;
    bool skip_one() noexcept;
    bool grow_tree(msgpack::object& out);

    /// For a head of another kind.
    bool fail_type() noexcept {
        if (at_end()) return fail(decode_error::truncated);
        return fail(*at_ == 0xc1 ? decode_error::malformed : decode_error::wrong_type);
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    std::size_t depth_left_;
    decode_error error_ = decode_error::none;
    bool fresh_ = false;
    bool in_order_ = true;
    std::size_t budget_;
    decode_limits limits_;
    const std::uint8_t* begin_;

    // Where the object began, for reading it again.
    const std::uint8_t* object_at_;
    std::size_t object_budget_;
    bool start_fresh_ = false;

    std::vector<pair> pairs_;
    std::optional<msgpack::zone> zone_;
};

inline void msgpack_reader::begin_object() noexcept {
    object_at_ = at_;
    object_budget_ = budget_;
    fresh_ = start_fresh_;
    if (zone_) zone_->clear();
}

}  // namespace leat::detail

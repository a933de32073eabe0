#pragma once

#include <leat/queue/queue_types.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace leat::detail::queueing {

static_assert(std::endian::native == std::endian::little, "the format of the store is little-endian");

/// Appends numbers and texts as the store's format has them.
class octet_writer {
public:
    explicit octet_writer(std::vector<std::byte>& to) noexcept : to_(to) {}

    template <class Number>
    void number(Number n) {
        static_assert(std::is_arithmetic_v<Number>);
        bytes(std::as_bytes(std::span{&n, 1}));
    }
    void id(const id128& one) {
        number(one.high);
        number(one.low);
    }
    void text(std::string_view t) {
        number(static_cast<std::uint32_t>(t.size()));
        bytes(std::as_bytes(std::span{t}));
    }
    void bytes(std::span<const std::byte> some) { to_.insert(to_.end(), some.begin(), some.end()); }

private:
    std::vector<std::byte>& to_;
};

/// Reads the same. What lies beyond the end reads as zero, and makes it bad.
class octet_reader {
public:
    explicit octet_reader(std::span<const std::byte> from) noexcept : from_(from) {}

    template <class Number>
    Number number() noexcept {
        static_assert(std::is_arithmetic_v<Number>);
        Number n{};
        const auto some = bytes(sizeof n);
        if (good_) std::memcpy(&n, some.data(), sizeof n);
        return n;
    }
    id128 id() noexcept {
        const auto high = number<std::uint64_t>();
        return {high, number<std::uint64_t>()};
    }
    std::string text() {
        const auto some = bytes(number<std::uint32_t>());
        return {reinterpret_cast<const char*>(some.data()), some.size()};
    }
    std::span<const std::byte> bytes(std::size_t n) noexcept {
        if (n > from_.size()) {
            good_ = false;
            from_ = {};
            return {};
        }
        const auto some = from_.first(n);
        from_ = from_.subspan(n);
        return some;
    }

    /// How many of that size may follow at the most: bounds what a damaged count makes.
    [[nodiscard]] bool has(std::size_t n, std::size_t size) const noexcept {
        return good_ && n <= from_.size() / size;
    }
    [[nodiscard]] std::span<const std::byte> rest() const noexcept { return from_; }
    [[nodiscard]] bool good() const noexcept { return good_; }
    /// All was there, and nothing is left.
    [[nodiscard]] bool ended() const noexcept { return good_ && from_.empty(); }

private:
    std::span<const std::byte> from_;
    bool good_ = true;
};

}  // namespace leat::detail::queueing

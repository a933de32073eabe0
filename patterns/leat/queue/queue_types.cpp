#include <leat/queue/queue_types.hpp>

#include <array>

namespace leat {
namespace {

template <std::size_t N, class Enum>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) noexcept {
    const auto i = static_cast<std::size_t>(value);
    return i < N ? names[i] : "unknown";
}

}  // namespace

std::string_view to_string(durability d) noexcept {
    return name_of(std::array<std::string_view, 3>{"commit", "interval", "memory"}, d);
}

std::string_view to_string(queue_overflow o) noexcept {
    return name_of(std::array<std::string_view, 3>{"block", "reject", "drop_oldest"}, o);
}

std::string_view to_string(outcome o) noexcept {
    return name_of(std::array<std::string_view, 4>{"ack", "release", "retry", "reject"}, o);
}

std::string_view to_string(verdict v) noexcept {
    return name_of(std::array<std::string_view, 3>{"stored", "duplicate", "refused"}, v);
}

std::string_view to_string(put_refusal r) noexcept {
    return name_of(std::array<std::string_view, put_refusals>{"none", "too_large", "bad_message",
                                                              "unroutable", "expired", "too_many_hops",
                                                              "full", "paused", "store_failed", "marks_full",
                                                              "draining", "moved", "after_refusal"},
                   r);
}

std::string_view to_string(death d) noexcept {
    return name_of(std::array<std::string_view, deaths>{"attempts", "lost", "rejected", "expired"}, d);
}

}  // namespace leat

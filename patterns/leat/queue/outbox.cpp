#include <leat/queue/outbox.hpp>

#include <atomic>
#include <cstdint>

namespace leat::detail {

std::string private_endpoint() {
    static std::atomic<std::uint64_t> n{0};
    return "inproc://leat-box-" + std::to_string(++n);
}

}  // namespace leat::detail

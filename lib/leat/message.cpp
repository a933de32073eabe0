#include <leat/message.hpp>

#include <leat/detail/tsan.hpp>

#include <cstdlib>

namespace leat {

message message::adopt(std::byte* block, std::size_t size) {
    const auto release = [](void* data, void*) {
        detail::after_receive();
        std::free(data);
    };
    return adopt(block, size, release, nullptr);
}

}  // namespace leat

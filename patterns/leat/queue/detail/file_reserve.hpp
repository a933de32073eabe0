#pragma once

#include <leat/queue/detail/lmdb.hpp>

#include <cstdint>
#include <string>

namespace leat::detail::queueing {

/// Bytes of pages in the file that the next transactions may use. Looks at each row of LMDB's list of them.
[[nodiscard]] std::uint64_t free_inside(const lmdb::environment& env);

/// Space of the file that is allocated ahead (P7): ending messages needs pages too, so puts are refused while
/// there is still enough for that.
class file_reserve {
public:
    /// `size` bytes are always left for what ends; the file is allocated in steps of that.
    file_reserve(std::uint64_t size, std::uint64_t map_size) noexcept : size_(size), map_size_(map_size) {}

    /// Allocates what a commit of so many bytes needs beyond the reserve. False when the disk has no room for
    /// it.
    [[nodiscard]] bool has_room(const lmdb::environment& env, std::uint64_t bytes);
    /// Why there was none.
    [[nodiscard]] std::string why() const;

    /// The file has another descriptor, and may have been cut.
    void forget() noexcept { allocated_ = 0; }

    [[nodiscard]] std::uint64_t allocated() const noexcept { return allocated_; }

private:
    std::uint64_t size_, map_size_;
    std::uint64_t allocated_ = 0;  ///< From the beginning of the file.
    int error_ = 0;                ///< Of the last allocation that failed; 0: the file may not get larger.
};

}  // namespace leat::detail::queueing

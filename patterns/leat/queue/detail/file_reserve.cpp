#include <leat/queue/detail/file_reserve.hpp>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace leat::detail::queueing {

std::uint64_t free_inside(const lmdb::environment& env) {
    constexpr MDB_dbi free_pages = 0;
    lmdb::transaction look{env, MDB_RDONLY};
    MDB_stat stat{};
    lmdb::check("mdb_env_stat", mdb_env_stat(env.get(), &stat));
    std::uint64_t pages = 0;
    lmdb::cursor at{look, free_pages};
    for (bool more = at.move(MDB_FIRST); more; more = at.move(MDB_NEXT)) {
        std::size_t n = 0;  // a row begins with how many it names
        std::memcpy(&n, at.value().data(), sizeof n);
        pages += n;
    }
    return pages * stat.ms_psize;
}

bool file_reserve::has_room(const lmdb::environment& env, std::uint64_t bytes) {
    const auto used = env.used();
    const auto want = used + bytes + size_;
    if (want <= allocated_) return true;
    error_ = 0;
    if (want <= map_size_) {
        const auto step = std::min((want / size_ + 1) * size_, map_size_);
        for (const auto to : {step, want}) {
            const auto from = static_cast<off_t>(allocated_);
            if (::fallocate(env.fd(), FALLOC_FL_KEEP_SIZE, from, static_cast<off_t>(to) - from) == 0) {
                allocated_ = to;
                return true;
            }
            error_ = errno;
            if (error_ == EOPNOTSUPP) return true;  // the disk alone says when it is full
        }
    }
    const auto beyond = std::max(allocated_, used) - used;
    return free_inside(env) + beyond >= bytes + size_;
}

std::string file_reserve::why() const {
    if (error_ == 0) return "its file may not get larger than " + std::to_string(map_size_) + " bytes";
    return error_ == ENOSPC ? "the disk is full" : std::generic_category().message(error_);
}

}  // namespace leat::detail::queueing

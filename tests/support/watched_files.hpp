#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace support {

/// A call that changes a file or makes it last, as it was made.
struct file_operation {
    enum class kind { write, sync, resize, allocate, rename, sync_directory, forget_cached };
    kind what = kind::write;
    std::string file = {};   ///< Its name in the watched directory; for a rename the new one.
    std::uint64_t at = 0;    ///< Where it writes, or the new size.
    std::string bytes = {};  ///< What it writes; for a rename the old name.
    bool lasts = false;      ///< A write that is on disk when it returns (O_DSYNC).
};

/// What becomes of a call.
struct file_answer {
    int error = 0;     ///< An errno that the caller gets.
    bool done = true;  ///< It takes effect, also when it says that it has failed.
};

/// Stands between this process, libraries included, and the `*.mdb` files and the journal of one directory,
/// LMDB's lock aside: keeps what is done to them, and lets a judge say how calls end. Any thread may make
/// them; one object at a time. Link `leat_watched_files` to have it.
class watched_files {
public:
    using judge = std::function<file_answer(const file_operation&)>;

    explicit watched_files(std::filesystem::path directory);
    ~watched_files();
    watched_files(const watched_files&) = delete;
    watched_files& operator=(const watched_files&) = delete;

    /// Asked for each call from now on, on the thread that makes it. An empty one lets all pass.
    void ask(judge how);

    /// So many calls have taken effect.
    [[nodiscard]] std::size_t count() const;
    [[nodiscard]] std::vector<file_operation> operations() const;
};

}  // namespace support

// A queue whose disk is full, on a small tmpfs. Needs to be allowed to mount one.

#include "queue_support.hpp"

#include "support/temporary_directory.hpp"
#include "support/warnings.hpp"

#include <leat/context.hpp>

#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

using support::temporary_directory;

namespace {

/// A file system of its own in memory, unmounted at the end.
class small_disk {
public:
    explicit small_disk(const std::string& size) {
        mounted_ = ::mount("tmpfs", at_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
    }
    ~small_disk() {
        if (mounted_) ::umount2(at_.path().c_str(), MNT_DETACH);
    }
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;

    [[nodiscard]] bool mounted() const noexcept { return mounted_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return at_.path(); }

    /// Something else takes all that is left, or gives it back.
    void fill() const {
        std::ofstream out{path() / "other", std::ios::binary};
        const std::string block(64 << 10, 'x');
        while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
    void make_room() const { std::filesystem::remove(path() / "other"); }

private:
    const temporary_directory at_;
    bool mounted_ = false;
};

leat::put_result put(text_producer& to, const std::string& text) {
    return to.put_async(text).get();
}

}  // namespace

TEST_CASE("on a full disk puts are refused, takes and acks go on, and it recovers by itself") {
    const small_disk disk{"192m"};
    if (!disk.mounted()) {
        MESSAGE("no tmpfs to be had");
        return;
    }
    const support::warnings warnings;
    leat::context ctx{{.on_warning = warnings}};
    auto options = here();
    options.path = (disk.path() / "work").string();
    leat::queue q{ctx, options};
    text_producer to{ctx, q.bound().str(), {.queue = "work"}};
    const std::string large(500'000, 'x');
    std::uint64_t stored = 0;
    for (; stored < 20; ++stored) REQUIRE((put(to, large).what == leat::verdict::stored));
    disk.fill();
    leat::put_result last;
    for (last = put(to, large); last.what == leat::verdict::stored && stored < 400; last = put(to, large))
        ++stored;
    REQUIRE((last.what == leat::verdict::refused));
    CHECK((last.why == leat::put_refusal::store_failed));
    CHECK((put(to, "a small one").why == leat::put_refusal::store_failed));
    CHECK_NE(warnings.about("the disk is full"), "");

    text_consumer from{ctx, q.bound().str(), {.queue = "work"}};
    for (std::uint64_t i = 0; i < stored; ++i) REQUIRE_EQ(take(from).size(), large.size());
    REQUIRE(comes_true([&] { return q.stat().counts.acked == stored; }));  // which is told after the commit
    CHECK_EQ(q.stat().depth.live(), 0);

    disk.make_room();
    REQUIRE(comes_true([&] { return put(to, "again").what == leat::verdict::stored; }));
    CHECK_NE(warnings.about("can be written again"), "");
    CHECK_EQ(take(from), "again");
}

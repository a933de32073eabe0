// A queue whose disk is full, on a small tmpfs. Needs to be allowed to mount one.

#include "queue_support.hpp"

#include "support/temporary_directory.hpp"
#include "support/warnings.hpp"

#include <leat/context.hpp>

#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
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

/// A queue on a disk of its own, which says what it warns of.
struct queue_on_small_disk {
    explicit queue_on_small_disk(const small_disk& disk) {
        auto options = here();
        options.path = (disk.path() / "work").string();
        q.emplace(ctx, options);
    }

    const support::warnings warnings;
    leat::context ctx{{.on_warning = warnings}};
    std::optional<leat::queue> q;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::stoull(text);
}

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
    queue_on_small_disk work{disk};
    auto& [warnings, ctx, opened] = work;
    auto& q = *opened;
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

TEST_CASE(
    "39: the disk is full during acks of many, then has room: acks go on, puts are refused, the space is "
    "used again") {
    const auto count = from_environment("LEAT_FULL_DISK_MESSAGES", 200'000);  // section 15 says ten million
    constexpr std::uint64_t size = 100, mebibyte = 1 << 20;
    const small_disk disk{std::to_string(count * size * 3 / 2 / mebibyte + 256) + "m"};
    if (!disk.mounted()) {
        MESSAGE("no tmpfs to be had");
        return;
    }
    queue_on_small_disk work{disk};
    auto& [warnings, ctx, opened] = work;
    auto& q = *opened;
    text_producer to{ctx, q.bound(), {.queue = "work"}};
    const std::string body(size, 'x'), large(500'000, 'y');
    const auto put_all = [&] {
        for (std::uint64_t i = 0; i < count; ++i) to.put(body);
        REQUIRE_EQ(to.flush(60s), 0);
        REQUIRE(to.take_refused().empty());
    };
    put_all();
    const auto before = *q.stat().store;
    CHECK_FALSE(before.failing);

    text_consumer from{ctx, q.bound(), {.queue = "work", .prefetch = 4096}};
    const auto take_up_to = [&](std::uint64_t n) {
        for (auto i = q.stat().counts.acked; i < n; ++i) {
            auto got = from.next(patience);
            REQUIRE(got);
            got->ack();
        }
        REQUIRE(comes_true([&] { return q.stat().counts.acked == n; }));
    };
    take_up_to(count / 4);
    disk.fill();
    const auto most = count + count * size / large.size() + 400;
    std::uint64_t stored = count;
    leat::put_result last;
    for (last = put(to, large); last.what == leat::verdict::stored && stored < most; last = put(to, large))
        ++stored;
    REQUIRE((last.why == leat::put_refusal::store_failed));
    CHECK_NE(warnings.about("the disk is full"), "");
    CHECK(q.stat().store->failing);
    take_up_to(count / 4 + 1000);
    CHECK((put(to, large).why == leat::put_refusal::store_failed));
    take_up_to(stored);
    CHECK_EQ(q.stat().depth.live(), 0);
    CHECK_LE(q.stat().store->failed_commits, 2);  // those of the puts that were refused

    disk.make_room();
    REQUIRE(comes_true([&] { return !q.stat().store->failing; }));
    CHECK_NE(warnings.about("can be written again"), "");
    const auto room = q.stat().store->file_bytes;
    for (std::uint64_t round = 1; round <= 10; ++round) {
        put_all();
        take_up_to(stored + round * count);
    }
    CHECK_LE(q.stat().store->file_bytes, room + 64 * mebibyte);  // which is how much it grows at once
    MESSAGE(count << " messages: the file takes " << before.file_bytes / mebibyte << " MiB at first, "
                  << room / mebibyte << " when it is drained, " << q.stat().store->file_bytes / mebibyte
                  << " at the end");
}

// What a queue on disk says of its store.

#include "queue_support.hpp"

#include "support/temporary_directory.hpp"

#include <leat/context.hpp>
#include <leat/queue/queue_admin.hpp>

#include <string>

using support::temporary_directory;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

/// The figures of the store but for the one that time alone changes.
auto of_store(const leat::queue_stat& stat) {
    auto all = leat::figures(stat);
    std::erase_if(all, [](const auto& one) {
        return !one.first.starts_with("store.") || one.first == "store.since_commit_ms";
    });
    return all;
}

}  // namespace

TEST_CASE("a histogram's buckets double, and a quantile is the end of its bucket") {
    leat::queue_histogram all;
    CHECK_EQ(all.quantile(0.5), 0);
    for (const std::uint64_t n : {0U, 1U, 2U, 3U, 4U, 7U, 8U, 1000U}) all.add(n);
    all.add(std::uint64_t{1} << 40);
    CHECK_EQ(all.count(), 9);
    CHECK_EQ(all.sum, 1025 + (std::uint64_t{1} << 40));
    CHECK_EQ(all.buckets[0], 1);
    CHECK_EQ(all.buckets[1], 1);
    CHECK_EQ(all.buckets[2], 2);
    CHECK_EQ(all.buckets[3], 2);
    CHECK_EQ(all.buckets[4], 1);
    CHECK_EQ(all.buckets[10], 1);
    CHECK_EQ(all.buckets.back(), 1);
    CHECK_EQ(all.quantile(0), 0);
    CHECK_EQ(all.quantile(0.5), 7);
    CHECK_EQ(all.quantile(0.9), 1023);
    CHECK_EQ(all.quantile(1), 0xFFFF'FFFF);
}

TEST_CASE("a queue on disk says what its store does, here and elsewhere") {
    const temporary_directory at;
    leat::context ctx;
    auto options = here();
    options.path = at.path().string();
    leat::queue q{ctx, options};
    leat::queue_admin admin{ctx, q.bound(), {.queue = "work"}};
    text_producer to{ctx, q.bound(), {.queue = "work"}};
    constexpr std::uint64_t count = 20, size = 1000;
    for (std::uint64_t i = 0; i < count; ++i) to.put(std::string(size, 'x'));
    REQUIRE_EQ(to.flush(patience), 0);

    const auto now = q.stat().store;
    REQUIRE(now);
    CHECK_GE(now->commits, 1);
    CHECK_EQ(now->failed_commits, 0);
    CHECK_FALSE(now->failing);
    CHECK_EQ(now->commit_us.count(), now->commits);
    CHECK_EQ(now->sync_us.count(), now->commits);
    CHECK_LE(now->sync_us.sum, now->commit_us.sum);
    CHECK_EQ(now->commit_bytes.count(), now->commits);
    CHECK_GT(now->commit_bytes.sum, count * size);
    CHECK_GE(now->reserve_bytes, 64 * mebibyte);
    CHECK_LE(now->reserve_bytes, now->file_bytes);
    const auto body = now->live_bytes / count;  // packed
    CHECK_GE(body, size);
    CHECK_LT(body, size + 10);
    CHECK(comes_true([&] { return q.stat().store->dead_bytes > 0; }));  // when its tables have it

    text_consumer from{ctx, q.bound(), {.queue = "work", .prefetch = 1}};
    for (std::uint64_t i = 0; i < count / 2; ++i) REQUIRE_EQ(take(from).size(), size);
    REQUIRE(comes_true([&] { return q.stat().counts.acked == count / 2; }));
    CHECK_EQ(q.stat().store->live_bytes, body * count / 2);
    CHECK(of_store(*admin.stat(patience)) == of_store(q.stat()));
    for (std::uint64_t i = 0; i < count / 2; ++i) REQUIRE_EQ(take(from).size(), size);
    REQUIRE(comes_true([&] { return q.stat().counts.acked == count; }));
    CHECK_EQ(q.stat().store->live_bytes, 0);
    CHECK(comes_true([&] { return q.stat().store->dead_bytes == 0; }));
    const auto drained = *q.stat().store;
    CHECK_GT(drained.commits, now->commits);
    CHECK(comes_true([&] { return q.stat().store->since_commit > drained.since_commit; }));
    CHECK_EQ(q.stat().store->commits, drained.commits);
}

TEST_CASE("a queue in memory has no store to speak of") {
    leat::context ctx;
    leat::queue q{ctx, here()};
    leat::queue_admin admin{ctx, q.bound(), {.queue = "work"}};
    CHECK_FALSE(q.stat().store);
    CHECK_FALSE(admin.stat(patience)->store);
    CHECK(of_store(q.stat()).empty());
}

// P4: a record of which little is left is rewritten, on disk and in memory, so one old message pins nothing.

#include <leat/queue/store_contents.hpp>

#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <numeric>

using namespace queue_rig;
using leat::outcome;
using support::temporary_directory;
using texts = std::vector<std::string>;
namespace lmdb = leat::detail::lmdb;

namespace {

constexpr int frames = 40, in_frame = 16;
constexpr std::size_t body_size = 5000;

/// Sizes of the records of a store that no queue has open.
std::vector<std::size_t> record_sizes(const std::filesystem::path& directory) {
    const lmdb::environment env{directory, MDB_RDONLY, 1 << 30};
    lmdb::transaction in{env, MDB_RDONLY};
    const auto table = in.find("0.records", MDB_INTEGERKEY);
    REQUIRE(table);
    std::vector<std::size_t> all;
    lmdb::cursor at{in, *table};
    for (bool more = at.move(MDB_FIRST); more; more = at.move(MDB_NEXT)) all.push_back(at.value().size());
    return all;
}

std::size_t sum(const std::vector<std::size_t>& all) {
    return std::accumulate(all.begin(), all.end(), std::size_t{0});
}

std::string body_of(int number) {
    return std::to_string(number) + std::string(body_size, static_cast<char>('a' + number % 26));
}

/// Many frames of messages that are a record each. One message of each frame is of the key of its frame and
/// not acked, another one of it waits behind; all else is.
class few_left {
public:
    explicit few_left(const std::filesystem::path& directory, std::uint64_t journal = 0)
        : queue_(directory, {}, 0, journal) {
        const auto p = queue_.producer().producer;
        for (int frame = 0; frame < frames; ++frame) {
            std::string bodies, heads[in_frame];
            std::vector<put_item> items(in_frame);
            for (int i = 0; i < in_frame; ++i) bodies += body_of(frame * in_frame + i);
            leat::message block{bodies};
            const auto key = "k" + std::to_string(frame % 4);
            std::size_t at = 0;
            for (int i = 0; i < in_frame; ++i) {
                auto& item = items[static_cast<std::size_t>(i)];
                item.body = block.view().subspan(at, body_of(frame * in_frame + i).size());
                at += item.body.size();
                if (i == old()) {
                    heads[i] = "head " + std::to_string(frame);
                    item.head = as_bytes(heads[i]);
                    item.key = key;
                }
            }
            REQUIRE((queue_->put(p, static_cast<std::uint64_t>(frame * in_frame + 1), 1, items, &block) ==
                     put_status::taken));
            queue_.pass();
        }
    }

    [[nodiscard]] stored_queue& queue() noexcept { return queue_; }
    /// Which one of a frame stays.
    static constexpr int old() { return 7; }

    /// Acks all but the old ones, which come back with an attempt each as far as their keys allow.
    void ack_the_others() {
        const auto c = queue_.consumer();
        queue_.pass();
        for (const auto& one : queue_.out.deliveries)
            queue_.settle(c, one.head.empty() ? outcome::ack : outcome::retry, one.d);
        queue_.pass(20 * ms);
    }

private:
    stored_queue queue_;
};

/// What is there in the order of hand-out: attempts, number, attributes and body.
texts content(stored_queue& q) {
    texts all;
    for (int rounds = 0; rounds < frames; ++rounds) {
        const auto c = q.consumer(50 + static_cast<std::uint64_t>(rounds));
        q.out.deliveries.clear();
        q.pass(3600 * second);
        for (const auto& one : q.out.deliveries) {
            all.push_back(std::to_string(one.attempts) + " " + std::to_string(one.seq) + " " + one.head +
                          " " + one.body.substr(0, 5));
            CHECK(one.body == body_of(static_cast<int>(one.seq) - 1));
            q.settle(c, outcome::ack, one.d);
        }
        q->bye(c);
    }
    return all;
}

texts expected() {
    texts all;
    for (int frame = 0; frame < frames; ++frame) {
        const auto number = frame * in_frame + few_left::old();
        all.push_back(std::string{frame < 4 ? "1 " : "0 "} + std::to_string(number + 1) + " head " +
                      std::to_string(frame) + " " + body_of(number).substr(0, 5));
    }
    return all;
}

}  // namespace

TEST_CASE("P4: of a record with one old message the store keeps that one, which is as it was") {
    const temporary_directory at{temporary_directory::in_memory()};
    {
        few_left all{at.path()};
        all.queue()->bound_warm(1 << 30);
        all.ack_the_others();
        const auto memory = all.queue()->memory();
        for (int i = 0; i < 6; ++i) all.queue().pass(20 * ms);
        CHECK_LE(all.queue()->memory(), memory);
    }
    const auto sizes = record_sizes(at.path());
    CHECK_EQ(sizes.size(), frames);
    CHECK_LT(sum(sizes), frames * (body_size + 500));
    CHECK(leat::read_store(at.path()).damages == texts{});
    stored_queue q{at.path()};
    CHECK_EQ(q->depth().live(), frames);
    CHECK(content(q) == expected());
    CHECK(adds_up(*q.operator->()));
    q.pass(20 * ms);
    CHECK_EQ(q->depth().live(), 0);
}

TEST_CASE("P4: a record whose bodies are not in memory is rewritten too, and read afterwards") {
    const temporary_directory at{temporary_directory::in_memory()};
    for (const auto journal : {std::uint64_t{0}, std::uint64_t{1} << 20}) {
        few_left all{at.path() / std::to_string(journal), journal};
        auto& q = all.queue();
        q->bound_warm(0);
        all.ack_the_others();
        for (int i = 0; i < 6; ++i) q.pass(20 * ms);
        CHECK(content(q) == expected());
    }
}

TEST_CASE("P4: what is sparse when a store is opened is rewritten, a few records with each commit") {
    const temporary_directory at{temporary_directory::in_memory()};
    {
        few_left all{at.path()};
        all.queue()->bound_dead(1 << 30);
        all.ack_the_others();
    }
    REQUIRE_GT(sum(record_sizes(at.path())), frames * in_frame * body_size);
    {
        stored_queue q{at.path(), {}, 0, 0};
        for (int i = 0; i < 2; ++i) q.pass(20 * ms);
    }
    const auto after = sum(record_sizes(at.path()));
    CHECK_GT(after, frames * 2 * body_size);  // 32 of 40
    CHECK_LT(after, frames * in_frame * body_size / 2);
    {
        stored_queue q{at.path(), {}, 0, 0};
        for (int i = 0; i < 6; ++i) q.pass(20 * ms);
        CHECK_GT(q->next_deadline(), q->begin().now + 500 * ms);  // then it rests until a back-off ends
    }
    CHECK_LT(sum(record_sizes(at.path())), frames * (body_size + 500));
    stored_queue q{at.path()};
    CHECK(content(q) == expected());
}

TEST_CASE("P4: closing does not wait for records to be rewritten") {
    const temporary_directory at{temporary_directory::in_memory()};
    {
        few_left all{at.path()};
        all.queue()->bound_dead(1 << 30);
        all.ack_the_others();
        all.queue().close();
    }
    {
        stored_queue q{at.path()};
        q.close();
    }
    CHECK_GT(sum(record_sizes(at.path())), frames * in_frame * body_size);
    CHECK(leat::read_store(at.path()).clean);
}

TEST_CASE("P4: a damaged record is not rewritten, and stays known as damaged") {
    const temporary_directory at{temporary_directory::in_memory()};
    {
        few_left all{at.path()};
        all.queue()->bound_dead(1 << 30);
        all.ack_the_others();
        all.queue().close();
    }
    {
        std::fstream file{at.path() / "data.mdb", std::ios::in | std::ios::out | std::ios::binary};
        std::string all{std::istreambuf_iterator<char>{file}, {}};
        const auto found = all.find(body_of(3 * in_frame + few_left::old()));
        REQUIRE_NE(found, std::string::npos);
        file.seekp(static_cast<std::streamoff>(found) + 100).put('!').flush();
    }
    {
        stored_queue q{at.path(), {}, 0, 0};
        for (int i = 0; i < 6; ++i) q.pass(20 * ms);
    }
    const auto sizes = record_sizes(at.path());
    CHECK_EQ(std::count_if(sizes.begin(), sizes.end(), [](auto n) { return n > 2 * body_size; }), 1);
    CHECK(leat::read_store(at.path()).damages == texts{"0.record 4: bodies are damaged"});
}

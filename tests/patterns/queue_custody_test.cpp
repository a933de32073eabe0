// Custody marks (U6, section 10): what the engine and the store make of them, and a transfer between queues.

#include "queue_support.hpp"

#include <leat/queue/inbox.hpp>
#include <leat/queue/outbox.hpp>
#include <leat/queue/store_contents.hpp>
#include <leat/queue/transfer.hpp>

#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/throws.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

using namespace queue_rig;
using leat::verdict;
using support::temporary_directory;

namespace {

const custody_source source{{1, 2}, {3, 4}, 5};

custody_mark mark(std::uint64_t seq, std::uint64_t floor = 1) {
    return {source, seq, floor};
}

using found = custody_marks::found;

leat::queue_options kept_in(const std::filesystem::path& directory, const std::string& name = "work") {
    auto options = on("tcp", {}, name);
    options.path = (directory / name).string();
    return options;
}

leat::transfer_options between(const leat::queue& from, const leat::queue& to) {
    return {.name = "mover", .from = {from.bound().str(), from.name()}, .to = {to.bound().str(), to.name()}};
}

}  // namespace

TEST_CASE("numbers gather in ranges") {
    number_set all;
    for (const auto n : {5U, 7U, 6U, 1U, 2U, 9U}) all.add(n);
    CHECK(all.all() == number_set::ranges{{1, 2}, {5, 7}, {9, 9}});
    all.add(3, 8);
    CHECK(all.all() == number_set::ranges{{1, 9}});
    CHECK(all.contains(1));
    CHECK(all.contains(9));
    CHECK_FALSE(all.contains(0));
    CHECK_FALSE(all.contains(10));
    all.add(20);
    all.add(0);
    all.add(19, 19);
    CHECK(all.all() == number_set::ranges{{0, 9}, {19, 20}});
    all.drop_below(20);
    CHECK(all.all() == number_set::ranges{{20, 20}});
    all.drop_below(21);
    CHECK(all.empty());
}

TEST_CASE("a mark is pending, flies, and is stored or forgotten with its commit") {
    custody_marks marks;
    std::vector<mark_row> rows;
    CHECK((marks.look(mark(7), 1) == found::unknown));
    marks.add(mark(7), 1, false);
    CHECK((marks.look(mark(7), 1) == found::gathered));
    marks.begin_commit(rows, true);
    REQUIRE_EQ(rows.size(), 1);
    CHECK(rows[0].ranges == number_set::ranges{{7, 7}});
    CHECK((marks.look(mark(7), 1) == found::flying));
    marks.add(mark(8), 1, false);
    marks.end_commit(false);
    CHECK((marks.look(mark(7), 1) == found::unknown));
    CHECK((marks.look(mark(8), 1) == found::gathered));

    rows.clear();
    marks.begin_commit(rows, true);
    REQUIRE_EQ(rows.size(), 1);
    CHECK(rows[0].ranges == number_set::ranges{{8, 8}});  // and no more of the one that failed
    marks.end_commit(true);
    CHECK((marks.look(mark(8), 1) == found::stored));
}

TEST_CASE("a commit that failed is written again, also when nothing is added") {
    custody_marks marks;
    std::vector<mark_row> rows;
    static_cast<void>(marks.look(mark(7), 1));
    marks.add(mark(7), 1, false);
    marks.begin_commit(rows, true);
    marks.end_commit(false);
    rows.clear();
    marks.begin_commit(rows, true);
    REQUIRE_EQ(rows.size(), 1);
    CHECK(rows[0].ranges.empty());
}

TEST_CASE("what is below the floor of its source is a repeat, and its marks are forgotten") {
    custody_marks marks;
    std::vector<mark_row> rows;
    for (const auto seq : {3U, 5U, 9U}) {
        static_cast<void>(marks.look(mark(seq), 1));
        marks.add(mark(seq), 1, true);
    }
    CHECK((marks.look(mark(4, 6), 1) == found::stored));  // never seen: a late put of a stalled transfer
    CHECK((marks.look(mark(9, 6), 1) == found::stored));
    CHECK((marks.look(mark(6, 6), 1) == found::unknown));
    marks.begin_commit(rows, true);
    REQUIRE_EQ(rows.size(), 1);
    CHECK_EQ(rows[0].floor, 6);
    CHECK(rows[0].ranges == number_set::ranges{{9, 9}});
    CHECK((marks.look({{{1, 2}, {3, 4}, 6}, 4, 1}, 1) == found::unknown));  // another opening
    CHECK((marks.look({{{1, 3}, {3, 4}, 5}, 9, 1}, 1) == found::unknown));  // another stage
}

TEST_CASE("a source takes 65,536 ranges, until its floor moves") {
    custody_marks marks;
    for (std::uint64_t i = 0; i < custody_marks::most_ranges; ++i) marks.add(mark(2 * i + 2), 1, true);
    CHECK((marks.look(mark(1'000'000), 1) == found::full));
    CHECK((marks.look(mark(4), 1) == found::stored));
    CHECK((marks.look(mark(1'000'000, 5), 1) == found::unknown));
}

TEST_CASE("a source without marks above its floor is forgotten after a day, others never") {
    custody_marks marks;
    constexpr ticks hour = 3600 * second;
    const custody_source live{{1, 2}, {3, 4}, 6};
    marks.add(mark(3), hour, true);
    marks.add({live, 3, 1}, hour, true);
    CHECK((marks.look(mark(3, 4), hour) == found::stored));
    std::vector<mark_row> rows;
    marks.begin_commit(rows, true);
    marks.end_commit(true);
    rows.clear();
    marks.expire(24 * hour, rows);
    CHECK(rows.empty());
    marks.expire(26 * hour, rows);
    REQUIRE_EQ(rows.size(), 1);
    CHECK(rows[0].forgotten);
    CHECK((rows[0].of == source));
    CHECK_EQ(marks.sources(), 1);
    CHECK((marks.look({live, 3, 1}, 26 * hour) == found::stored));
}

TEST_CASE("a put with a mark is stored once, also after a crash") {
    const temporary_directory at;
    const auto seven = mark(7), eight = mark(8);
    {
        stored_queue q{at.path()};
        const auto p = q.producer().producer;
        q.put(p, 1, "seven", {.mark = &seven});
        q.put(p, 2, "seven again", {.mark = &seven});
        q.pass();
        q.put(p, 3, "and again", {.mark = &seven});
        q.put(p, 4, "eight", {.mark = &eight});  // whose commit does not come
        CHECK_EQ(q->counts().same_mark, 2);
        REQUIRE_EQ(q.out.verdicts.size(), 3);
        CHECK((q.out.verdicts[1].what == verdict::duplicate));
        CHECK((q.out.verdicts[2].what == verdict::duplicate));
    }
    CHECK(leat::read_store(at.path()).damages == std::vector<std::string>{});
    stored_queue q{at.path()};
    CHECK_EQ(q->sources_marked(), 1);
    const auto p = q.producer(2).producer;
    q.put(p, 1, "seven", {.mark = &seven});
    q.put(p, 2, "eight", {.mark = &eight});
    q.pass();
    CHECK_EQ(q->counts().same_mark, 2);  // one of before was not committed
    CHECK_EQ(q.bodies(), std::vector<std::string>{"seven", "eight"});
}

TEST_CASE("the floor is the oldest message that is left, once that is committed") {
    const temporary_directory at;
    stored_queue q{at.path()};
    const auto p = q.producer().producer;
    const auto c = q.consumer();
    std::uint64_t n = 0;
    for (const auto* body : {"one", "two", "three"}) {
        q.put(p, ++n, body);
        q.pass();
    }
    REQUIRE_EQ(q.out.deliveries.size(), 3);
    CHECK_EQ(q->floor(), 1);
    q.settle(c, leat::outcome::ack, q.out.deliveries[1].d);
    q.pass(20 * ms);
    CHECK_EQ(q->floor(), 1);
    q.settle(c, leat::outcome::ack, q.out.deliveries[0].d);
    CHECK_EQ(q->floor(), 1);
    q.pass(20 * ms);
    CHECK_EQ(q->floor(), 3);
    q.settle(c, leat::outcome::ack, q.out.deliveries[2].d);
    q.pass(20 * ms);
    CHECK_EQ(q->floor(), 4);
}

TEST_CASE("what is lost with a transfer is charged to nobody, and makes no suspects") {
    rig q;
    q.put("one");
    q.put("two");
    const auto h = q->hello({9, 1}, {}, false, true).holder;
    q->grant(h, 10, 1 << 20);
    REQUIRE_EQ(q.hand_out().size(), 2);
    q->lose(h);
    CHECK_EQ(q->counts().lost, 0);
    const auto c = q.consumer(2);
    q.pass();
    const auto again = q.hand_out();
    REQUIRE_EQ(again.size(), 2);  // together: a suspect would come alone
    CHECK_EQ(again[0].attempts, 0);
    q.settle(c, leat::outcome::ack, again[0].d, again[1].d);
}

TEST_CASE("a transfer moves all messages in order, with what they have") {
    const temporary_directory at;
    leat::context ctx;
    leat::queue from{ctx, kept_in(at.path(), "from")}, to{ctx, kept_in(at.path(), "to")};
    text_producer in{ctx, from.bound().str(), {.queue = "from"}};
    for (int i = 0; i < 500; ++i) in.put(std::to_string(i));
    in.put("with all", {.key = "k", .id = "an id", .priority = 2, .ttl = 1h, .headers = {{"a", "b"}}});
    REQUIRE_EQ(in.flush(patience), 0);
    leat::transfer moves{ctx, between(from, to)};
    CHECK(moves.wait_ready(patience) == status::ok);
    text_consumer out{ctx, to.bound().str(), {.queue = "to"}};
    for (int i = 0; i < 500; ++i) REQUIRE_EQ(take(out), std::to_string(i));
    auto last = out.next(patience);
    REQUIRE(last);
    CHECK_EQ(**last, "with all");
    CHECK_EQ(last->key(), "k");
    CHECK_EQ(last->id(), "an id");
    CHECK_EQ(last->priority(), 2);
    CHECK(last->headers() == std::map<std::string, std::string>{{"a", "b"}});
    last->ack();
    CHECK(comes_true([&] { return from.stat().depth.live() == 0 && moves.counts().moved == 501; }));
    CHECK(moves.close(patience) == status::ok);
    CHECK_EQ(moves.counts().under_way, 0);
}

TEST_CASE("a source that comes back from a backup is moved once") {
    const temporary_directory at;
    leat::context ctx;
    leat::queue to{ctx, kept_in(at.path(), "to")};
    const auto in_order = [&](const std::filesystem::path& directory) {
        leat::queue from{ctx, kept_in(directory, "from")};
        leat::transfer moves{ctx, between(from, to)};
        CHECK(comes_true([&] { return from.stat().depth.live() == 0 && moves.counts().under_way == 0; }));
        CHECK(moves.close(patience) == status::ok);
        from.close(patience);
        return moves.counts();
    };
    {
        leat::queue from{ctx, kept_in(at.path(), "from")};
        text_producer in{ctx, from.bound().str(), {.queue = "from"}};
        for (int i = 0; i < 100; ++i) in.put(std::to_string(i));
        REQUIRE_EQ(in.flush(patience), 0);
        in.close(patience);
        from.close(patience);
    }
    std::filesystem::create_directory(at.path() / "kept");
    std::filesystem::copy(at.path() / "from", at.path() / "kept" / "from",
                          std::filesystem::copy_options::recursive);
    const auto first = in_order(at.path());
    CHECK_EQ(first.moved, 100);
    CHECK_EQ(first.repeated, 0);
    const auto again = in_order(at.path() / "kept");
    CHECK_EQ(again.moved, 100);
    CHECK_EQ(again.repeated, 100);
    CHECK_EQ(to.stat().depth.live(), 100);
    CHECK_EQ(to.stat().counts.same_mark, 100);
}

TEST_CASE("what is refused for now is tried again, what is refused for good is rejected") {
    const temporary_directory at;
    leat::context ctx;
    auto small = kept_in(at.path(), "to");
    small.rules.max_message = 100;
    small.rules.max_messages = 3;
    small.rules.overflow = leat::queue_overflow::reject;
    leat::queue from{ctx, kept_in(at.path(), "from")}, to{ctx, small};
    text_producer in{ctx, from.bound().str(), {.queue = "from"}};
    in.put(std::string(200, 'x'));
    for (int i = 0; i < 20; ++i) in.put(std::to_string(i));
    REQUIRE_EQ(in.flush(patience), 0);
    const leat::transfer moves{ctx, between(from, to)};
    text_consumer out{ctx, to.bound().str(), {.queue = "to"}};
    for (int i = 0; i < 20; ++i) REQUIRE_EQ(take(out), std::to_string(i));
    CHECK(comes_true([&] { return moves.counts().rejected == 1 && from.stat().depth.live() == 0; }));
    const auto dead = from.dead_letters({}, 10);
    REQUIRE_EQ(dead.size(), 1);
    CHECK_EQ(dead[0].text, "refused by the next queue: too_large");
}

TEST_CASE("a message goes through sixteen queues and no more") {
    leat::context ctx;
    leat::queue q{ctx, here()}, other{ctx, here()};
    leat::transfer_options there = between(q, other), back = between(other, q);
    back.name = "back";
    text_producer in{ctx, q.bound().str(), {.queue = "work"}};
    in.put("round");
    const leat::transfer one{ctx, there}, two{ctx, back};
    CHECK(comes_true([&] { return one.counts().rejected + two.counts().rejected == 1; }));
    CHECK_EQ(one.counts().moved + two.counts().moved, 16);
}

TEST_CASE("a queue that promises less has to be allowed") {
    const temporary_directory at;
    leat::context ctx;
    leat::queue from{ctx, kept_in(at.path(), "from")}, to{ctx, here()};
    text_producer in{ctx, from.bound().str(), {.queue = "from"}};
    in.put("one");
    REQUIRE_EQ(in.flush(patience), 0);
    auto options = between(from, to);
    {
        leat::transfer moves{ctx, options};
        CHECK_THROWS_LEAT(moves.wait_ready(patience), leat::errc::bad_option, "promises memory");
        CHECK_EQ(moves.counts().moved, 0);
    }
    options.weaker_ok = true;
    leat::transfer moves{ctx, options};
    CHECK(moves.wait_ready(patience) == status::ok);
    CHECK(comes_true([&] { return to.stat().depth.ready == 1; }));
}

TEST_CASE("a transfer ends while the other queue cannot be reached, and gives back what it has") {
    leat::context ctx;
    leat::queue from{ctx, here()};
    text_producer in{ctx, from.bound().str(), {.queue = "work"}};
    for (int i = 0; i < 10; ++i) in.put(std::to_string(i));
    REQUIRE_EQ(in.flush(patience), 0);
    leat::transfer moves{
        ctx, {.name = "mover", .from = {from.bound().str(), "work"}, .to = {"tcp://127.0.0.1:1", "nowhere"}}};
    CHECK(moves.close(patience) == status::ok);
    text_consumer out{ctx, from.bound().str(), {.queue = "work"}};
    for (int i = 0; i < 10; ++i) CHECK_EQ(take(out), std::to_string(i));
}

TEST_CASE("an outbox takes messages while the queue that they are for is not there, and keeps them") {
    const temporary_directory at;
    leat::context ctx;
    const auto address = "ipc://" + (at.path() / "socket").string();
    const leat::outbox_options box{.path = (at.path() / "out").string(), .to = {address, "work"}};
    {
        leat::outbox<std::string> out{ctx, box};
        for (int i = 0; i < 10; ++i) out.put(std::to_string(i));
        CHECK_EQ(out.flush(patience), 0);
        CHECK_EQ(out.left(), 10);
    }
    leat::outbox<std::string> out{ctx, box};
    CHECK_EQ(out.left(), 10);
    out.put("10");
    auto options = kept_in(at.path());
    options.bind = address;
    leat::queue q{ctx, options};
    text_consumer in{ctx, address, {.queue = "work"}};
    for (int i = 0; i <= 10; ++i) REQUIRE_EQ(take(in), std::to_string(i));
    CHECK(comes_true([&] { return out.left() == 0; }));
    CHECK(out.close(patience) == status::ok);
}

TEST_CASE("an inbox has messages when the queue that they came from is gone") {
    const temporary_directory at;
    leat::context ctx;
    const leat::inbox_options box{.path = (at.path() / "in").string(), .name = "here"};
    auto here_too = box;
    {
        leat::queue q{ctx, kept_in(at.path())};
        text_producer to{ctx, q.bound().str(), {.queue = "work"}};
        for (int i = 0; i < 10; ++i) to.put(std::to_string(i));
        REQUIRE_EQ(to.flush(patience), 0);
        here_too.from = {q.bound().str(), "work"};
        leat::inbox<std::string> in{ctx, here_too};
        CHECK(comes_true([&] { return q.stat().depth.live() == 0; }));
        CHECK(in.close(patience) == status::ok);
    }
    leat::inbox<std::string> in{ctx, here_too};
    for (int i = 0; i < 10; ++i) {
        auto one = in.next(patience);
        REQUIRE(one);
        CHECK_EQ(**one, std::to_string(i));
        one->ack();
    }
}

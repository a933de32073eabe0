// Processes that stand still for a while, and go on.

#include "rig.hpp"

using namespace std::chrono_literals;

namespace {

/// A consumer that is in the middle of its work.
support::process busy_consumer(proof::rig& all, unsigned seed, const std::string& mode = "acks") {
    auto one = all.consumer(16, seed, mode);
    REQUIRE(one.line(support::patience));
    return one;
}

}  // namespace

TEST_CASE(
    "4: the acks of a consumer that stood still beyond its lease count while nobody had the messages since") {
    proof::rig all{{.lease = 500ms, .session_timeout = 60s}};
    auto out = all.producer(1500, 1);
    std::vector<support::process> in;
    in.push_back(busy_consumer(all, 2, "keeps"));
    in[0].signal(SIGSTOP);
    all.wait_until([](auto now) { return now["in_flight"] == 0; });
    in[0].signal(SIGTERM);  // which has it ack what it holds
    in[0].signal(SIGCONT);
    proof::stop(in);
    in.push_back(all.consumer(16, 3, "acks"));
    CHECK(out.wait(proof::long_patience) == 0);
    all.drain();
    proof::stop(in);
    const auto found = all.finish();
    CHECK(found.late_acks > 0);
    CHECK(found.acked == found.puts);
}

TEST_CASE("4: the acks of a consumer that stood still come too late for what another one has had since") {
    proof::rig all{{.lease = 500ms, .session_timeout = 60s}};
    auto out = all.producer(1500, 3);
    std::vector<support::process> in;
    in.push_back(busy_consumer(all, 4));
    in[0].signal(SIGSTOP);
    in.push_back(all.consumer(16, 5, "acks"));
    CHECK(out.wait(proof::long_patience) == 0);
    all.drain();
    in[0].signal(SIGCONT);
    auto more = all.producer(100, 6);
    CHECK(more.wait(proof::long_patience) == 0);
    all.drain();
    proof::stop(in);
    const auto found = all.finish();
    CHECK(found.losses > 0);
    CHECK(found.acked == found.puts);
}

TEST_CASE("a consumer that stood still beyond the session timeout has lost what it held, and works on") {
    proof::rig all{{.lease = 60s, .session_timeout = 500ms}};
    auto out = all.producer(1500, 7);
    std::vector<support::process> in;
    in.push_back(busy_consumer(all, 8, "keeps"));
    in[0].signal(SIGSTOP);
    in.push_back(all.consumer(16, 9, "acks"));
    CHECK(out.wait(proof::long_patience) == 0);
    all.drain();
    in[0].signal(SIGCONT);
    in[1].signal(SIGTERM);
    CHECK(in[1].wait(support::patience) == 0);
    in.pop_back();
    while (in[0].line(leat::deadline::now())) {
    }
    auto more = all.producer(100, 10);
    REQUIRE(in[0].line(support::patience));
    CHECK(more.wait(proof::long_patience) == 0);
    all.drain();
    proof::stop(in);
    const auto found = all.finish();
    CHECK(found.losses > 0);
    CHECK(found.acked == found.puts);
}

TEST_CASE("36: a queue that stood still takes nobody for lost") {
    const std::chrono::milliseconds still = proof::long_run() ? 60s : 4s;
    proof::rig all{proof::long_run() ? proof::rules{.lease = 30s, .session_timeout = 10s}
                                     : proof::rules{.lease = 2s, .session_timeout = 2s}};
    auto out = all.producer(5000, 11);
    std::vector<support::process> in;
    in.push_back(busy_consumer(all, 12, "keeps"));
    in.push_back(busy_consumer(all, 13));
    all.queue().signal(SIGSTOP);
    in[1].signal(SIGSTOP);  // so that nothing of it is there when the queue goes on
    REQUIRE_FALSE(all.queue().ended(still));
    all.queue().signal(SIGCONT);
    CHECK(all.figures()["lost"] == 0);
    in[1].signal(SIGCONT);
    CHECK(out.wait(proof::long_patience) == 0);
    in[1].signal(SIGTERM);
    CHECK(in[1].wait(support::patience) == 0);
    in.pop_back();
    // The one that keeps what it had before goes on too.
    while (in[0].line(leat::deadline::now())) {
    }
    auto more = all.producer(20, 14);
    REQUIRE(in[0].line(support::patience));
    CHECK(more.wait(proof::long_patience) == 0);
    proof::stop(in);
    in.push_back(all.consumer(16, 15, "acks"));
    all.drain();
    CHECK(all.figures()["lost"] == 0);
    proof::stop(in);
    const auto found = all.finish();
    CHECK(found.acked == found.puts);
    CHECK(found.resumed > 0);
}

#include "tools/leat/hosted_queues.hpp"

#include "support/pipe.hpp"
#include "support/ports.hpp"
#include "support/throws.hpp"

#include <leat/queue/producer.hpp>

#include <doctest/doctest.h>

using leat::command::exit_code;
using leat::command::hosted_queues;
using namespace std::chrono_literals;

namespace {

/// ":PORT", where nobody is just now.
std::string free_port() {
    const auto at = support::silent_port{}.endpoint();
    return at.substr(at.rfind(':'));
}

struct hosting {
    support::pipe said;
    leat::command::console err{said.writer()};
    leat::context ctx;
    hosted_queues queues{ctx, err};

    std::string all_said() {
        said.close_writer();
        return said.read_all();
    }
};

}  // namespace

TEST_CASE("queues share an endpoint") {
    hosting here;
    const auto first = here.queues.open({.name = "a", .bind = "tcp://127.0.0.1:*"});
    CHECK(here.queues.open({.name = "b", .bind = first.str()}) == first);
    CHECK(here.queues.close() == exit_code::done);
}

TEST_CASE("queues share one at all addresses of the machine too") {
    hosting here;
    std::string at;
    const auto first = [&] {
        for (int tries = 0;; ++tries) {
            at = "tcp://*" + free_port();
            try {
                return here.queues.open({.name = "a", .bind = at, .rules = {}, .socket = {.insecure = true}});
            } catch (const leat::error& taken) {  // by another process, meanwhile
                if (taken.kind() != leat::errc::bind_failed || tries == 10) throw;
            }
        }
    }();
    CHECK(here.queues.open({.name = "b", .bind = at, .rules = {}, .socket = {.insecure = true}}) == first);
    CHECK(here.queues.close() == exit_code::done);
}

TEST_CASE("a port that the system picks is another one for each queue") {
    hosting here;
    const auto first = here.queues.open({.name = "a", .bind = "tcp://127.0.0.1:*"});
    CHECK(here.queues.open({.name = "b", .bind = "tcp://127.0.0.1:*"}) != first);
}

TEST_CASE("a name that the endpoint has already is refused, and the others go on") {
    hosting here;
    const auto at = here.queues.open({.name = "a", .bind = "tcp://127.0.0.1:*"}).str();
    CHECK_THROWS_LEAT(here.queues.open({.name = "a", .bind = at}), leat::errc::bind_failed,
                      "has a queue named a already");
    CHECK(here.queues.close() == exit_code::done);
    CHECK(here.all_said().empty());
}

TEST_CASE("what is gone with a queue in memory is said") {
    hosting here;
    const auto at = here.queues.open({.name = "a", .bind = "tcp://127.0.0.1:*"}).str();
    leat::context ctx;
    leat::producer<std::string> put{ctx, at, {.queue = "a"}};
    REQUIRE(put.put_async("x").get().what == leat::verdict::stored);
    CHECK(here.queues.close() == exit_code::done);
    CHECK(here.all_said() == "leat: queue a: 1 message in its memory is gone\n");
}

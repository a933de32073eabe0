#include <leat/context.hpp>
#include <leat/pipeline/puller.hpp>
#include <leat/pipeline/pusher.hpp>

#include "support/joined.hpp"
#include "support/process.hpp"

using leat::status;
using support::patience;

namespace {

struct order {
    std::uint64_t number = 0;
    double price = 0;
    std::string item;
    std::vector<std::string> tags;
    MSGPACK_DEFINE_MAP(number, price, item, tags)
};

struct point {
    int x = 0;
    int y = 0;
    MSGPACK_DEFINE(x, y)
};

// Takes frames from argv[1], each of one or more msgpack objects, and reports each object.
constexpr auto python_pull = R"(
import json, msgpack, zmq
ctx = zmq.Context()
pull = ctx.socket(zmq.PULL)
port = pull.bind_to_random_port('tcp://127.0.0.1')
report(str(port))
for _ in range(int(sys.argv[1])):
    unpacker = msgpack.Unpacker()
    unpacker.feed(pull.recv())
    for found in unpacker:
        report(json.dumps(found))
)";

// Runs argv[2] with `push` connected to argv[1] and msgpack at hand.
constexpr auto python_push = R"(
import msgpack, zmq
ctx = zmq.Context()
push = ctx.socket(zmq.PUSH)
push.connect(sys.argv[1])
exec(sys.argv[2])
push.close()
ctx.term()
)";

}  // namespace

TEST_CASE("a plain PULL in Python reads typed messages, in maps and arrays") {
    auto peer = support::run_python(python_pull, {"2"});
    const auto port = peer.line(patience);
    REQUIRE(port);
    const leat::endpoint at{"tcp://127.0.0.1:" + *port};
    leat::context ctx;
    leat::pusher<order> orders{ctx, {.connect = at}};
    leat::pusher<point> points{ctx, {.connect = at}};
    REQUIRE(orders.send({7, 2.5, "tea", {"hot", "green"}}, patience) == status::ok);
    CHECK(peer.line(patience) == R"({"number": 7, "price": 2.5, "item": "tea", "tags": ["hot", "green"]})");
    REQUIRE(points.send({1, -2}, patience) == status::ok);
    CHECK(peer.line(patience) == "[1, -2]");
    CHECK(peer.wait(patience) == 0);
}

TEST_CASE("a plain PULL in Python reads a batch as several objects") {
    auto peer = support::run_python(python_pull, {"1"});
    const auto port = peer.line(patience);
    REQUIRE(port);
    leat::context ctx;
    leat::pusher<point> out{ctx,
                            {.connect = leat::endpoint{"tcp://127.0.0.1:" + *port},
                             .batch = {.bytes = leat::full_batch, .delay = std::chrono::minutes{1}}}};
    for (int i = 0; i < 3; ++i) REQUIRE(out.send({i, i * i}, patience) == status::ok);
    REQUIRE(out.flush(patience) == status::ok);
    CHECK(peer.line(patience) == "[0, 0]");
    CHECK(peer.line(patience) == "[1, 1]");
    CHECK(peer.line(patience) == "[2, 4]");
    CHECK(peer.wait(patience) == 0);
}

TEST_CASE(
    "a puller reads what a plain PUSH in Python sends: one object, several, other fields, and no object at "
    "all") {
    leat::context ctx;
    leat::puller<order> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    auto peer = support::run_python(python_push, {in.bound()[0].str(), R"(
push.send(msgpack.packb({'number': 1, 'price': 0.5, 'item': 'tea', 'tags': ['a']}))
push.send(msgpack.packb({'item': 'milk', 'number': 2, 'unknown': {'deep': [1, 2]}}))
push.send(msgpack.packb({'number': 3}) + msgpack.packb({'number': 4}))
push.send(msgpack.packb('not an order'))
push.send(b'')
push.send(msgpack.packb({'number': 5}))
)"});
    const auto next = [&] {
        auto got = in.receive(patience);
        REQUIRE(got);
        return *got;
    };
    const auto first = next();
    CHECK(first.number == 1);
    CHECK(first.price == 0.5);
    CHECK(first.tags == std::vector<std::string>{"a"});
    const auto second = next();
    CHECK(second.number == 2);
    CHECK(second.item == "milk");
    CHECK(second.price == 0);
    CHECK(next().number == 3);
    CHECK(next().number == 4);
    CHECK(next().number == 5);
    CHECK(in.counts().dropped(leat::drop_reason::undecodable) == 2);
    CHECK(peer.wait(patience) == 0);
}

TEST_CASE("bytes and the parts of a multipart message come from Python as they are") {
    leat::context ctx;
    leat::puller<leat::bytes> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    auto peer = support::run_python(
        python_push,
        {in.bound()[0].str(), "push.send(bytes(range(256))); push.send_multipart([b'one', b'two'])"});
    const auto all = in.receive(patience);
    REQUIRE(all);
    REQUIRE(all->size() == 256);
    for (std::size_t i = 0; i < 256; ++i) CHECK(all->view()[i] == static_cast<std::byte>(i));
    CHECK(in.receive(patience)->text() == "one");
    CHECK(in.receive(patience)->text() == "two");
    CHECK(peer.wait(patience) == 0);
}

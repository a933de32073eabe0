#include <leat/context.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include "support/joined.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;
using leat::status;
using support::patience;

namespace {

struct order {
    std::uint64_t number = 0;
    std::string item;
    MSGPACK_DEFINE_MAP(number, item)
};

// Reports the number of frames, the topic and each object of the body.
constexpr auto python_subscriber = R"(
import json, msgpack, zmq
sub = zmq.Context().socket(zmq.SUB)
sub.connect(sys.argv[1])
sub.subscribe(sys.argv[2])
for _ in range(int(sys.argv[3])):
    frames = sub.recv_multipart()
    unpacker = msgpack.Unpacker()
    unpacker.feed(frames[1])
    report(f'{len(frames)} {frames[0].decode()} {json.dumps(list(unpacker))}')
)";

// Runs argv[1], which publishes with a plain `pub`, over and over, since a PUB never knows when somebody
// listens.
constexpr auto python_plain_publisher = R"(
import msgpack, zmq
pub = zmq.Context().socket(zmq.PUB)
pub.setsockopt(zmq.XPUB_NODROP, 1)
port = pub.bind_to_random_port('tcp://127.0.0.1')
report(str(port))
while True:
    exec(sys.argv[1])
)";

// An XPUB, which like a PUB knows nothing of leat: runs argv[2] once argv[1] is subscribed to.
constexpr auto python_publisher = R"(
import msgpack, select, zmq
pub = zmq.Context().socket(zmq.XPUB)
port = pub.bind_to_random_port('tcp://127.0.0.1')
report(str(port))
assert pub.recv() == b'\x01' + sys.argv[1].encode()
exec(sys.argv[2])
pub.recv()
)";

}  // namespace

TEST_CASE("a plain SUB in Python follows a leat publisher by prefix, batches too") {
    leat::context ctx;
    leat::publisher<order> out{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::publisher<order> batched{
        ctx, {.bind = "tcp://127.0.0.1:*", .batch = {.bytes = leat::full_batch, .delay = 1min}}};
    auto peer = support::run_python(python_subscriber, {out.bound()[0].str(), "orders", "2"});
    auto other = support::run_python(python_subscriber, {batched.bound()[0].str(), "orders.", "1"});
    REQUIRE(out.wait_subscribers("orders.new", 1, patience) == status::ok);
    REQUIRE(batched.wait_subscribers("orders.new", 1, patience) == status::ok);
    for (const auto* topic : {"other", "orders.new", "orders2"})
        REQUIRE(out.publish(topic, {7, "tea"}) == status::ok);
    CHECK(peer.line(patience) == R"(3 orders.new [{"number": 7, "item": "tea"}])");
    CHECK(peer.line(patience) == R"(3 orders2 [{"number": 7, "item": "tea"}])");
    for (std::uint64_t i = 1; i <= 2; ++i) REQUIRE(batched.publish("orders.new", {i, "x"}) == status::ok);
    REQUIRE(batched.flush(patience) == status::ok);
    CHECK(other.line(patience) == R"(3 orders.new [{"number": 1, "item": "x"}, {"number": 2, "item": "x"}])");
    CHECK(peer.wait(patience) == 0);
    CHECK(other.wait(patience) == 0);
}

TEST_CASE("a leat subscriber follows a plain PUB in Python from some message on") {
    auto peer = support::run_python(python_plain_publisher, {R"(
number = globals().get('number', 0) + 1
pub.send_multipart([b'orders.new', msgpack.packb({'number': number, 'item': 'tea'})])
pub.send_multipart([b'others', b'\xc1'])
)"});
    const auto port = peer.line(patience);
    REQUIRE(port);
    leat::context ctx;
    leat::subscriber<order> in{
        ctx, {.connect = leat::endpoint{"tcp://127.0.0.1:" + *port}, .patterns = {"orders.*"}}};
    std::uint64_t first = 0;
    for (std::uint64_t i = 0; i < 10; ++i) {
        const auto got = in.receive(patience);
        REQUIRE(got);
        if (i == 0) first = got->value.number;
        CHECK(got->topic == "orders.new");
        CHECK(got->value.number == first + i);
        CHECK(got->value.item == "tea");
        CHECK(got->publisher == 0);
    }
    CHECK(first > 0);
    CHECK(in.seen().plain.value() == 10);
    CHECK(in.seen().malformed.value() == 0);
}

TEST_CASE("a leat subscriber takes what plain peers send: topic and body, batches, and a topic alone") {
    auto peer = support::run_python(python_publisher, {"orders.", R"(
body = msgpack.packb({'number': 1, 'item': 'tea'})
pub.send_multipart([b'orders.new', body])
pub.send_multipart([b'orders.new.eu', body + msgpack.packb({'number': 2})])
pub.send_multipart([b'orders.', body])
pub.send_multipart([b'orders.bad', b'\xc1'])
pub.send(b'orders.alone')
pub.send_multipart([b'orders.three', body, b'what is this'])
pub.send_multipart([b'orders.' + b'x' * 5000, body])
pub.send_multipart([b'orders.end', body])
)"});
    const auto port = peer.line(patience);
    REQUIRE(port);
    leat::context ctx;
    leat::subscriber<order> in{
        ctx, {.connect = leat::endpoint{"tcp://127.0.0.1:" + *port}, .patterns = {"orders.>"}}};
    const auto check_next = [&](const char* topic, std::uint64_t number) {
        const auto got = in.receive(patience);
        REQUIRE(got);
        CHECK(got->topic == topic);
        CHECK(got->value.number == number);
        CHECK(got->publisher == 0);
        CHECK(got->sequence == 0);
    };
    check_next("orders.new", 1);
    check_next("orders.new.eu", 1);
    check_next("orders.new.eu", 2);
    check_next("orders.", 1);
    check_next("orders.end", 1);
    CHECK(in.seen().plain.value() == 6);
    CHECK(in.seen().malformed.value() == 2);
    CHECK(in.counts().dropped(leat::drop_reason::undecodable) == 2);
}

TEST_CASE("bytes from a plain peer may be a topic alone") {
    auto peer = support::run_python(python_publisher, {"", R"(
pub.send(b'weather 10001 sunny')
pub.send_multipart([b'raw', b'\x00\xff'])
)"});
    const auto port = peer.line(patience);
    REQUIRE(port);
    leat::context ctx;
    leat::subscriber<leat::bytes> in{
        ctx, {.connect = leat::endpoint{"tcp://127.0.0.1:" + *port}, .patterns = {">"}}};
    auto got = in.receive(patience);
    REQUIRE(got);
    CHECK(got->topic == "weather 10001 sunny");
    CHECK(got->value.empty());
    got = in.receive(patience);
    REQUIRE(got);
    CHECK(got->topic == "raw");
    CHECK(got->value.text() == std::string_view{"\0\xff", 2});
}

#include <leat/reqrep/replier.hpp>
#include <leat/reqrep/requester.hpp>

#include "support/process.hpp"
#include "support/running_relay.hpp"

#include <future>

using namespace std::chrono_literals;
using leat::bytes;
using leat::call_status;
using leat::replier;
using leat::requester;
using support::comes_true;
using support::patience;

namespace {

bytes upper(const bytes& request) {
    bytes reply{request.view()};
    for (std::size_t i = 0; i < reply.size(); ++i) {
        const auto c = reply.text()[i];
        if (c >= 'a' && c <= 'z') reply.data()[i] = static_cast<std::byte>(c - 'a' + 'A');
    }
    if (request.text() == "fail") throw leat::reply_error{3, "told to"};
    return reply;
}

// Asks argv[1] each of the words that follow with a REQ, and reports the replies.
constexpr auto python_req = R"(
import zmq
ctx = zmq.Context()
req = ctx.socket(zmq.REQ)
req.connect(sys.argv[1])
for word in sys.argv[2:]:
    req.send(word.encode())
    report(repr(req.recv()))
req.close()
ctx.term()
)";

// Answers with a REP until it is killed: "rep WORD".
constexpr auto python_rep = R"(
import zmq
ctx = zmq.Context()
rep = ctx.socket(zmq.REP)
if len(sys.argv) > 1:
    rep.connect(sys.argv[1])
    report('up')
else:
    report(str(rep.bind_to_random_port('tcp://127.0.0.1')))
while True:
    rep.send(b'rep ' + rep.recv())
)";

}  // namespace

TEST_CASE("a plain REQ in Python calls a replier, directly and through a relay") {
    leat::context ctx;
    support::running_relay relay{ctx, support::relayed(leat::relay_kind::reqrep)};
    replier<bytes, bytes> serves{
        ctx, {.bind = "tcp://127.0.0.1:*", .connect = relay->out_endpoints()[0]}, upper};
    for (const auto& at : {serves.bound()[0], relay->in_endpoints()[0]}) {
        auto peer = support::run_python(python_req, {at.str(), "tea", "milk"});
        CHECK(peer.line(patience) == "b'TEA'");
        CHECK(peer.line(patience) == "b'MILK'");
        CHECK(peer.wait(patience) == 0);
    }
    CHECK(serves.counts().plain.value() == 4);
}

TEST_CASE("a plain REQ is answered errors as msgpack, and goes on") {
    leat::context ctx;
    replier<bytes, bytes> serves{ctx, {.bind = "tcp://127.0.0.1:*"}, upper};
    auto peer = support::run_python(python_req, {serves.bound()[0].str(), "fail", "tea"});
    CHECK(peer.line(patience) == R"(b'\x92\x03\xa7told to')");
    CHECK(peer.line(patience) == "b'TEA'");
    CHECK(peer.wait(patience) == 0);
}

TEST_CASE("a requester calls a plain REP in Python, directly and through a relay") {
    leat::context ctx;
    support::running_relay relay{ctx, support::relayed(leat::relay_kind::reqrep)};
    auto direct = support::run_python(python_rep);
    const auto port = direct.line(patience);
    REQUIRE(port);
    auto behind = support::run_python(python_rep, {relay->out_endpoints()[0].str()});
    REQUIRE(behind.line(patience));
    for (const auto& at : {leat::endpoint{"tcp://127.0.0.1:" + *port}, relay->in_endpoints()[0]}) {
        requester<bytes, bytes> asks{ctx, {.connect = at, .plain = true}};
        std::vector<std::future<leat::answer<bytes>>> all;
        for (int i = 0; i < 19; ++i) all.push_back(asks.async(bytes{std::to_string(i)}, patience));
        for (int i = 0; i < 19; ++i) {
            const auto a = all[static_cast<std::size_t>(i)].get();
            REQUIRE_MESSAGE(a, describe(a));
            CHECK(a->text() == "rep " + std::to_string(i));
        }
    }
}

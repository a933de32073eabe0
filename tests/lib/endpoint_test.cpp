#include <leat/endpoint.hpp>

#include "support/throws.hpp"

using leat::endpoint;
using leat::errc;

TEST_CASE("a TCP endpoint on loopback is local, one beyond it is not") {
    CHECK(endpoint{"tcp://127.0.0.1:5555"}.is_local());
    CHECK(endpoint{"tcp://127.1.2.3:*"}.is_local());
    CHECK(endpoint{"tcp://[::1]:5555"}.is_local());
    CHECK(endpoint{"tcp://localhost:5555"}.is_local());
    CHECK(endpoint{"ipc:///tmp/x"}.is_local());
    CHECK(endpoint{"inproc://x"}.is_local());
    CHECK_FALSE(endpoint{"tcp://10.0.0.7:5555"}.is_local());
    CHECK_FALSE(endpoint{"tcp://*:5555"}.is_local());
    CHECK_FALSE(endpoint{"tcp://0.0.0.0:5555"}.is_local());
}

TEST_CASE("an endpoint keeps its text, its transport and whether it has a wildcard") {
    const endpoint e{"tcp://127.0.0.1:*"};
    CHECK(e.str() == "tcp://127.0.0.1:*");
    CHECK(e.via() == endpoint::transport::tcp);
    CHECK(e.is_wildcard());
    CHECK_FALSE(endpoint{"tcp://127.0.0.1:1"}.is_wildcard());
    CHECK(endpoint{"ipc://*"}.is_wildcard());
    CHECK(endpoint{"inproc://a"} == endpoint{"inproc://a"});
}

TEST_CASE("a malformed endpoint is refused with the part that is wrong") {
    CHECK_THROWS_LEAT(endpoint{"tcp://127.0.0.1:99999"}, errc::bad_endpoint, "port 99999 is not 1-65535");
    CHECK_THROWS_LEAT(endpoint{"tcp://127.0.0.1:65536"}, errc::bad_endpoint, "port 65536 is not 1-65535");
    CHECK(endpoint{"tcp://127.0.0.1:65535"}.str() == "tcp://127.0.0.1:65535");
    CHECK_THROWS_LEAT(endpoint{"tcp://127.0.0.1:0"}, errc::bad_endpoint, "to bind any free one, write *");
    CHECK_THROWS_LEAT(endpoint{"tcp://127.0.0.1:"}, errc::bad_endpoint, "is not 1-65535");
    CHECK_THROWS_LEAT(endpoint{"tcp://127.0.0.1:12x"}, errc::bad_endpoint, "port 12x is not");
    CHECK_THROWS_LEAT(endpoint{"tcp://127.0.0.1"}, errc::bad_endpoint, "has no port");
    CHECK_THROWS_LEAT(endpoint{"tcp://[::1]"}, errc::bad_endpoint, "has no port");
    CHECK_THROWS_LEAT(endpoint{"tcp://:5555"}, errc::bad_endpoint, "has no host");
    CHECK_THROWS_LEAT(endpoint{"tcp://::1:5555"}, errc::bad_endpoint, "brackets");
    CHECK_THROWS_LEAT(endpoint{"tcp://a b:5555"}, errc::bad_endpoint, "space");
    CHECK_THROWS_LEAT(endpoint{"udp://127.0.0.1:1"}, errc::bad_endpoint, "must begin with tcp://");
    CHECK_THROWS_LEAT(endpoint{""}, errc::bad_endpoint, "must begin with");
    CHECK_THROWS_LEAT(endpoint{"ipc://"}, errc::bad_endpoint, "has no path");
    CHECK_THROWS_LEAT(endpoint{"ipc://" + std::string(108, 'x')}, errc::bad_endpoint, "has 108 bytes");
    CHECK_THROWS_LEAT(endpoint{"inproc://"}, errc::bad_endpoint, "has no name");
    CHECK_THROWS_LEAT(endpoint{"inproc://a\nb"}, errc::bad_endpoint, "control character");
}

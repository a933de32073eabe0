// Fail-over between two servers, one of which dies with calls that it has not answered. Those that say
// `idempotent` are answered by the other one; one that does not ends at once as lost, long before its
// deadline.

#include <leat/leat.hpp>

#include <future>
#include <iostream>
#include <vector>

using namespace std::chrono_literals;

int main() {
    leat::context ctx;
    leat::replier<int, int> good{ctx, {.bind = "tcp://127.0.0.1:*"}, [](const int& n) { return n * n; }};
    leat::socket silent{ctx, leat::role::router};  // a server that takes requests and answers none
    const auto silent_at = silent.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    leat::socket::parts request;

    leat::requester<int, int> only{ctx, {.connect = silent_at}};
    auto lost = only.async(1, 1min);
    if (silent.receive(request, 5s) != leat::status::ok) return 1;

    leat::requester<int, int> squares{ctx, {.connect = {silent_at.str(), good.bound()[0].str()}}};
    if (squares.wait_ready(2, 5s) != leat::status::ok) return 1;
    std::vector<std::future<leat::answer<int>>> calls;
    for (int n = 0; n < 10; ++n) calls.push_back(squares.async(n, 1min, {.idempotent = true}));
    if (silent.receive(request, 5s) != leat::status::ok) return 1;
    silent.close();  // it dies

    int sum = 0;
    for (auto& call : calls) {
        if (const auto square = call.get()) sum += *square;
    }
    std::cout << "sum of squares: " << sum << "\n";
    std::cout << "not idempotent: " << describe(lost.get()) << "\n";
}

// Prints:
// sum of squares: 285
// not idempotent: peer lost

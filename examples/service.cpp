// A service with two methods, and what its callers see: a reply, an error that was meant for them, an unknown
// method, and the service's own description.

#include <leat/leat.hpp>

#include <iostream>

using namespace std::chrono_literals;

struct numbers {
    int a = 0;
    int b = 0;
    MSGPACK_DEFINE_MAP(a, b)
};

int main() {
    leat::context ctx;
    leat::service calculator{ctx, "calculator", {.bind = "tcp://127.0.0.1:*", .workers = 2}};
    calculator.method<numbers, int>("add", [](const numbers& n) { return n.a + n.b; });
    calculator.method<numbers, int>("divide", [](const numbers& n) {
        if (n.b == 0) throw leat::reply_error{1, "division by zero"};
        return n.a / n.b;
    });
    calculator.start();

    leat::client c{ctx, {.connect = calculator.bound()}};
    std::cout << "2 + 3 = " << *c.call<int>("add", numbers{2, 3}, 5s) << "\n";
    std::cout << "1 / 0: " << describe(c.call<int>("divide", numbers{1, 0}, 5s)) << "\n";
    std::cout << "root: " << describe(c.call<int>("root", numbers{4, 0}, 5s)) << "\n";
    if (const auto said = c.call<leat::service_description>(leat::describe_method, 0, 5s)) {
        for (const auto& method : said->methods)
            std::cout << method.name << ": " << method.handled << " handled\n";
    }
}

// Prints:
// 2 + 3 = 5
// 1 / 0: failed: division by zero (1)
// root: failed: the service calculator has no method 'root' (-3)
// add: 1 handled
// divide: 1 handled

// A stream in order by key: what happens to one account happens in order, whoever handles it and whatever
// fails, and the accounts do not wait for each other.
#include <leat/leat.hpp>

#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct booking {
    std::string account;
    int number = 0;
    MSGPACK_DEFINE_MAP(account, number)
};

int main() {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_attempts = leat::unlimited_attempts;  // a failing booking is waited for: no gap
    rules.retry.first = 5ms;
    leat::queue bookings{ctx, {.name = "bookings", .bind = "tcp://127.0.0.1:*", .rules = rules}};

    leat::producer<booking> out{ctx, bookings.bound(), {.queue = "bookings"}};
    constexpr int each = 20;
    const std::vector<std::string> accounts{"anna", "ben", "carla"};
    for (int n = 1; n <= each; ++n) {
        for (const auto& who : accounts) out.put({who, n}, {.key = who});
    }

    // Four workers and many more accounts than one in real life: of each account one booking at a time.
    leat::consumer<booking> in{ctx, bookings.bound(), {.queue = "bookings"}};
    std::mutex mutex;
    std::map<std::string, std::vector<int>> done;
    std::size_t left = accounts.size() * each;
    in.run(
        [&](leat::delivery<booking>& one) {
            if (one->number % 7 == 0 && one.attempt() == 1) return;  // without an outcome it is tried again
            const std::lock_guard lock{mutex};
            done[one->account].push_back(one->number);
            one.ack();
            if (--left == 0) in.stop();
        },
        4);

    for (const auto& [who, numbers] : done) {
        bool in_order = numbers.size() == each;
        for (std::size_t i = 0; i < numbers.size(); ++i)
            in_order = in_order && numbers[i] == static_cast<int>(i) + 1;
        std::cout << who << ": " << numbers.size() << " bookings, "
                  << (in_order ? "in order" : "out of order") << "\n";
    }
    in.close(5s);
    std::cout << bookings.stat().counts.retried << " of them at the second attempt\n";
}

// Prints:
// anna: 20 bookings, in order
// ben: 20 bookings, in order
// carla: 20 bookings, in order
// 6 of them at the second attempt

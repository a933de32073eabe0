// An outbox: a durable queue inside the producer. What it has put is safe though nobody is there to take it,
// and though the program ends; the one that takes connects whenever it likes.
#include <leat/leat.hpp>

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

struct order {
    int number = 0;
    std::string what;
    MSGPACK_DEFINE_MAP(number, what)
};

/// The producing program, from its start to its end.
void sell(const leat::queue_options& outbox, int number, const std::string& what) {
    leat::context ctx;
    leat::queue orders{ctx, outbox};
    std::cout << "opening " << orders.opened().number << " finds " << orders.opened().messages << " orders\n";
    leat::producer<order> out{ctx, orders.bound(), {.queue = "orders"}};
    // A confirm means that it is on disk, so only then is the customer told. An order of a number is stored
    // once.
    const auto got = out.put_async({number, what}, {.id = "order " + std::to_string(number)}).get();
    std::cout << "order " << number << ": " << to_string(got.what) << "\n";
}

int main() {
    const auto directory =
        std::filesystem::temp_directory_path() / ("leat-outbox-" + std::to_string(getpid()));
    const leat::queue_options outbox{
        .name = "orders", .bind = "tcp://127.0.0.1:*", .path = directory.string()};
    sell(outbox, 1, "tea");
    sell(outbox, 2, "milk");
    sell(outbox, 2, "milk");  // it did not know any more that it had

    {  // At last somebody ships, from any other process.
        leat::context ctx;
        leat::queue orders{ctx, outbox};
        leat::consumer<order> shipping{ctx, orders.bound(), {.queue = "orders"}};
        for (auto& one : shipping) {
            std::cout << "ships " << one->what << "\n";
            one.ack();
            if (one->number == 2) shipping.stop();
        }
        shipping.close(5s);
    }
    std::filesystem::remove_all(directory);
}

// Prints:
// opening 1 finds 0 orders
// order 1: stored
// opening 2 finds 1 orders
// order 2: stored
// opening 3 finds 2 orders
// order 2: duplicate
// ships tea
// ships milk

// An outbox: messages are safe in the producer's own process first, and go on from there when the queue that
// they are for can be reached. Each arrives once, though either end stops in the middle.
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
void sell(const leat::outbox_options& how, int number, const std::string& what) {
    leat::context ctx;
    leat::outbox<order> out{ctx, how};
    std::cout << out.left() << " orders have not gone on\n";
    // A confirm means that it is on disk, so only then is the customer told. An order of a number is stored
    // once.
    const auto got = out.put_async({number, what}, {.id = "order " + std::to_string(number)}).get();
    std::cout << "order " << number << ": " << to_string(got.what) << "\n";
}

int main() {
    const auto directory =
        std::filesystem::temp_directory_path() / ("leat-outbox-" + std::to_string(getpid()));
    std::filesystem::create_directory(directory);
    const auto warehouse = "ipc://" + (directory / "socket").string();
    const leat::outbox_options how{.path = (directory / "outbox").string(), .to = {warehouse, "orders"}};
    sell(how, 1, "tea");  // nobody is there yet
    sell(how, 2, "milk");
    sell(how, 2, "milk");  // it did not know any more that it had

    {  // The warehouse opens, in any other process, and the next order takes the others along.
        leat::context ctx;
        leat::queue orders{ctx,
                           {.name = "orders", .bind = warehouse, .path = (directory / "orders").string()}};
        leat::consumer<order> shipping{ctx, warehouse, {.queue = "orders"}};
        leat::outbox<order> out{ctx, how};
        out.put({3, "sugar"});
        for (auto& one : shipping) {
            std::cout << "ships " << one->what << "\n";
            one.ack();
            if (one->number == 3) shipping.stop();
        }
        shipping.close(5s);
        out.close(5s);
    }
    std::filesystem::remove_all(directory);
}

// Prints:
// 0 orders have not gone on
// order 1: stored
// 1 orders have not gone on
// order 2: stored
// 2 orders have not gone on
// order 2: duplicate
// ships tea
// ships milk
// ships sugar

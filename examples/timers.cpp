// A loop of one's own: sockets, timers and work from other threads, one at a time on one thread.

#include <leat/leat.hpp>

#include <iostream>
#include <thread>

using namespace std::chrono_literals;

int main() {
    leat::context ctx;
    leat::socket in{ctx, leat::role::pull};
    const auto at = in.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    leat::socket out{ctx, leat::role::push};
    out.connect(at);

    leat::loop loop;
    std::stop_source stop;
    int ticks = 0;
    const auto timer = loop.every(1ms, [&] { ++ticks; });
    loop.watch(in, [&] {
        leat::message m;
        if (in.receive(m, 0s) != leat::status::ok) return;
        std::cout << "received " << m.text() << "\n";
        loop.cancel(timer);
        loop.after(1ms, [&] { stop.request_stop(); });
    });
    loop.after(20ms, [&] {
        leat::message m{"after the first ticks"};
        static_cast<void>(out.send(m, 1s));
    });
    std::jthread other{[&] { loop.post([] { std::cout << "posted from another thread\n"; }); }};

    const auto how = loop.run(stop.get_token());
    std::cout << "ended: " << to_string(how) << "\n"
              << "ticked: " << (ticks > 0 ? "yes" : "no") << "\n";
}

// Prints:
// posted from another thread
// received after the first ticks
// ended: stopped
// ticked: yes

#include "relays.hpp"

#include "processes.hpp"
#include "raw_records.hpp"
#include "stopwatch.hpp"

#include <leat/context.hpp>
#include <leat/forwarder/relay.hpp>
#include <leat/pipeline/puller.hpp>

#include <zmq.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

enum class via { proxy, relay, coalescing_relay };

constexpr std::size_t coalesce_bytes = 64u << 10;

/// libzmq's own defaults, for every socket of both contenders.
constexpr raw::marks marks{1000, 1000};

/// The process in the middle, until it is killed.
class middle {
public:
    explicit middle(via kind)
        : process_([this, kind] { serve(kind); }), in_(ends_.take_text()), out_(ends_.take_text()) {}
    ~middle() { process_.kill(); }

    [[nodiscard]] const std::string& in() const noexcept { return in_; }
    [[nodiscard]] const std::string& out() const noexcept { return out_; }

private:
    void serve(via kind) {
        if (kind == via::proxy) {
            raw::proxy(marks, this, [](const void* self, const std::string& from, const std::string& to) {
                static_cast<const middle*>(self)->ends_.put_text(from);
                static_cast<const middle*>(self)->ends_.put_text(to);
            });
        }
        leat::context ctx;
        leat::relay_options options;
        options.in.bind = "tcp://127.0.0.1:*";
        options.out.bind = "tcp://127.0.0.1:*";
        options.in.socket.receive_frames = marks.receive;
        options.out.socket.send_frames = marks.send;
        options.coalesce = kind == via::coalescing_relay ? coalesce_bytes : 0;
        leat::relay relay{ctx, options};
        ends_.put_text(relay.in_endpoints()[0].str());
        ends_.put_text(relay.out_endpoints()[0].str());
        relay.run({});
    }

    channel ends_;
    child process_;
    std::string in_, out_;
};

/// One raw sender, the middle, one raw receiver.
reading through(via kind, std::size_t size, std::size_t count) {
    const middle relay{kind};
    channel result, over;
    child receiver{[&] {
        raw::socket in{ZMQ_PULL, marks};
        in.connect(relay.out());
        zmq_msg_t m;
        zmq_msg_init(&m);
        zmq_msg_recv(&m, in.get(), 0);
        const double began = now_seconds();
        for (std::size_t i = 1; i < count; ++i) zmq_msg_recv(&m, in.get(), 0);
        result.put_reading({static_cast<double>(count) / (now_seconds() - began), 0, 0});
    }};
    child sender{[&] {
        raw::socket out{ZMQ_PUSH, marks};
        out.connect(relay.in());
        const std::string data(size, 'x');
        for (std::size_t i = 0; i < count; ++i) out.send(data.data(), data.size());
        static_cast<void>(over.take_text());
    }};
    const auto r = result.take_reading();
    over.put_text("over");
    return r;
}

/// Messages one at a time, each sent when the one before has arrived: the median time on the way, in
/// microseconds.
reading latency_through(via kind, std::size_t size, std::size_t count) {
    const middle relay{kind};
    channel result;
    child both{[&] {
        raw::socket out{ZMQ_PUSH, marks}, in{ZMQ_PULL, marks};
        out.connect(relay.in());
        in.connect(relay.out());
        const std::string data(size, 'x');
        zmq_msg_t m;
        zmq_msg_init(&m);
        std::vector<double> times;
        for (std::size_t i = 0; i < count; ++i) {
            const double began = now_seconds();
            out.send(data.data(), data.size());
            zmq_msg_recv(&m, in.get(), 0);
            if (i >= count / 10) times.push_back((now_seconds() - began) * 1e6);
        }
        result.put_reading({median(std::move(times)), 0, 0});
    }};
    return result.take_reading();
}

/// Eight processes that each push `count` records, one a frame, and one that takes and decodes all of them.
reading fan_in(via kind, std::size_t count) {
    constexpr std::size_t senders = 8;
    const middle relay{kind};
    channel result, over;
    child receiver{[&] {
        leat::context ctx;
        leat::puller<record> in{ctx, {.connect = relay.out(), .socket = {.receive_frames = marks.receive}}};
        record r;
        std::uint64_t sum = 0;
        stopwatch watch;
        for (std::size_t i = 0; i < senders * count; ++i) {
            static_cast<void>(in.receive(r));
            sum += r.id;
            if (i == 0) watch.start();
        }
        if (sum != senders * sum_of_ids(count)) throw std::runtime_error{"fan-in: wrong sum"};
        result.put_reading(watch.stop(senders * count));
    }};
    std::vector<std::unique_ptr<child>> all;
    for (std::size_t s = 0; s < senders; ++s) {
        all.push_back(std::make_unique<child>([&] {
            raw::socket out{ZMQ_PUSH, marks};
            out.connect(relay.in());
            raw::send_records(out, count);
            static_cast<void>(over.take_text());
        }));
    }
    const auto r = result.take_reading();
    for (std::size_t s = 0; s < senders; ++s) over.put_text("over");
    return r;
}

}  // namespace

std::vector<pair_case> relay_cases() {
    std::vector<pair_case> all;
    all.push_back({"relay 100 B", "messages/s", "zmq_proxy", 0.97, false,
                   [] { return through(via::proxy, 100, 2'500'000); },
                   [] { return through(via::relay, 100, 2'500'000); }});
    all.push_back({"relay 1 KiB", "messages/s", "zmq_proxy", 0.97, false,
                   [] { return through(via::proxy, 1024, 800'000); },
                   [] { return through(via::relay, 1024, 800'000); }});
    all.push_back({"relay latency 100 B", "us median", "zmq_proxy", 1.05, true,
                   [] { return latency_through(via::proxy, 100, 20'000); },
                   [] { return latency_through(via::relay, 100, 20'000); }});
    all.push_back({"relay fan-in of 8, coalescing", "messages/s", "zmq_proxy", 2.2, false,
                   [] { return fan_in(via::proxy, 400'000); },
                   [] { return fan_in(via::coalescing_relay, 400'000); }});
    return all;
}

}  // namespace bench

#include "push_pull.hpp"

#include "processes.hpp"
#include "raw_records.hpp"
#include "stopwatch.hpp"

#include <leat/context.hpp>
#include <leat/pipeline/puller.hpp>
#include <leat/pipeline/pusher.hpp>

#include <zmq.h>

#include <stdexcept>
#include <string>

namespace bench {
namespace {

/// Starts a receiver, which tells where it is bound, and a sender to it; returns what the receiver measured.
template <class Receive, class Send>
reading between(const Receive& receive, const Send& send) {
    channel where, result, over;
    child receiver{[&] { result.put_reading(receive([&](const std::string& at) { where.put_text(at); })); }};
    const auto at = where.take_text();
    child sender{[&] {
        send(at);
        static_cast<void>(over.take_text());
    }};
    const auto r = result.take_reading();
    over.put_text("over");
    return r;
}

reading raw_bytes(std::size_t size, std::size_t count, raw::marks marks) {
    return between(
        [=](auto tell) {
            raw::socket in{ZMQ_PULL, marks};
            tell(in.bind());
            zmq_msg_t m;
            zmq_msg_init(&m);
            zmq_msg_recv(&m, in.get(), 0);
            stopwatch watch;
            watch.start();
            for (std::size_t i = 1; i < count; ++i) zmq_msg_recv(&m, in.get(), 0);
            return watch.stop(count);
        },
        [=](const std::string& at) {
            raw::socket out{ZMQ_PUSH, marks};
            out.connect(at);
            const std::string data(size, 'x');
            for (std::size_t i = 0; i < count; ++i) out.send(data.data(), data.size());
        });
}

reading leat_bytes(std::size_t size, std::size_t count) {
    return between(
        [=](auto tell) {
            leat::context ctx;
            leat::puller<leat::bytes> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
            tell(in.bound()[0].str());
            leat::bytes m;
            static_cast<void>(in.receive(m));
            stopwatch watch;
            watch.start();
            for (std::size_t i = 1; i < count; ++i) static_cast<void>(in.receive(m));
            return watch.stop(count);
        },
        [=](const std::string& at) {
            leat::context ctx;
            leat::pusher<leat::bytes> out{ctx, {.connect = at}};
            const std::string data(size, 'x');
            for (std::size_t i = 0; i < count; ++i)
                static_cast<void>(out.send(leat::bytes{std::string_view{data}}));
            static_cast<void>(out.flush(std::chrono::minutes{1}));
        });
}

reading raw_records(std::size_t count, raw::marks marks) {
    return between(
        [=](auto tell) {
            raw::socket in{ZMQ_PULL, marks};
            tell(in.bind());
            zmq_msg_t m;
            zmq_msg_init(&m);
            stopwatch watch;
            std::uint64_t sum = 0;
            for (std::size_t i = 0; i < count; ++i) {
                zmq_msg_recv(&m, in.get(), 0);
                const auto handle =
                    msgpack::unpack(static_cast<const char*>(zmq_msg_data(&m)), zmq_msg_size(&m));
                sum += handle->as<record>().id;
                if (i == 0) watch.start();
            }
            if (sum != sum_of_ids(count)) throw std::runtime_error{"raw records: wrong sum"};
            return watch.stop(count);
        },
        [=](const std::string& at) {
            raw::socket out{ZMQ_PUSH, marks};
            out.connect(at);
            raw::send_records(out, count);
        });
}

reading leat_records(std::size_t count) {
    return between(
        [=](auto tell) {
            leat::context ctx;
            leat::puller<record> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
            tell(in.bound()[0].str());
            stopwatch watch;
            std::uint64_t sum = 0;
            record r;
            for (std::size_t i = 0; i < count; ++i) {
                static_cast<void>(in.receive(r));
                sum += r.id;
                if (i == 0) watch.start();
            }
            if (sum != sum_of_ids(count)) throw std::runtime_error{"leat records: wrong sum"};
            return watch.stop(count);
        },
        [=](const std::string& at) {
            leat::context ctx;
            leat::pusher<record> out{ctx, {.connect = at, .batch = {.bytes = leat::full_batch}}};
            record r = sample_record();
            for (std::size_t i = 0; i < count; ++i) {
                r.id = i;
                static_cast<void>(out.send(r));
            }
            static_cast<void>(out.flush(std::chrono::minutes{1}));
        });
}

}  // namespace

std::vector<pair_case> push_pull_cases() {
    struct load {
        const char* name;
        std::size_t size, count;
    };
    const leat::socket_options defaults;
    const raw::marks same{defaults.send_high_water_mark(), defaults.receive_high_water_mark()};
    std::vector<pair_case> all;
    for (const load l : {load{"16 B", 16, 2'000'000},
                         {"100 B", 100, 2'000'000},
                         {"1 KiB", 1024, 1'000'000},
                         {"64 KiB", 65536, 30'000}}) {
        all.push_back({std::string{"push/pull bytes "} + l.name + ", same marks", "messages/s", "raw libzmq",
                       0.97, false, [=] { return raw_bytes(l.size, l.count, same); },
                       [=] { return leat_bytes(l.size, l.count); }});
    }
    all.push_back({"push/pull bytes 100 B, each's defaults", "messages/s", "raw libzmq", 1.3, false,
                   [] { return raw_bytes(100, 2'000'000, {}); }, [] { return leat_bytes(100, 2'000'000); }});
    all.push_back({"push/pull records, batched", "messages/s", "raw libzmq", 3.5, false,
                   [=] { return raw_records(1'500'000, same); }, [] { return leat_records(8'000'000); }});
    return all;
}

}  // namespace bench

#include "pub_sub.hpp"

#include "processes.hpp"
#include "raw.hpp"
#include "stopwatch.hpp"

#include <leat/context.hpp>
#include <leat/pubsub/detail/topic_trie.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include <zmq.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

constexpr std::size_t body_size = 100;
constexpr std::size_t trailer_size = 32;
constexpr const char* topic = "bench.prices";

/// A publisher that says where it is bound, and `n` subscribers; what the slowest of them measured. Nothing
/// is dropped: both sides' publishers wait for the slowest subscriber.
template <class Publish, class Receive>
reading among(std::size_t n, const Publish& publish, const Receive& receive) {
    channel where, over;
    child publisher{[&] {
        publish([&](const std::string& at) { where.put_text(at); });
        static_cast<void>(over.take_text());
    }};
    const auto at = where.take_text();
    std::list<channel> results;
    std::list<child> subscribers;
    for (std::size_t i = 0; i < n; ++i) {
        auto& result = results.emplace_back();
        subscribers.emplace_back([&] { result.put_reading(receive(at)); });
    }
    reading slowest;
    for (const auto& one : results) {
        const auto r = one.take_reading();
        if (slowest.value == 0 || r.value < slowest.value) slowest = r;
    }
    over.put_text("over");
    return slowest;
}

void raw_send(void* socket, const void* data, std::size_t size, int flags) {
    zmq_msg_t m;
    zmq_msg_init_size(&m, size);
    std::memcpy(zmq_msg_data(&m), data, size);
    if (zmq_msg_send(&m, socket, flags) < 0) throw std::runtime_error{"raw publisher: cannot send"};
}

reading raw_frames(std::size_t n, std::size_t count, raw::marks marks) {
    return among(
        n,
        [=](auto tell) {
            raw::socket out{ZMQ_XPUB, marks};
            const int on = 1;
            zmq_setsockopt(out.get(), ZMQ_XPUB_NODROP, &on, sizeof on);
            zmq_setsockopt(out.get(), ZMQ_XPUB_VERBOSE, &on, sizeof on);
            tell(out.bind());
            char said[64];
            for (std::size_t i = 0; i < n; ++i) zmq_recv(out.get(), said, sizeof said, 0);
            const std::string body(body_size, 'x'), trailer(trailer_size, 't');
            for (std::size_t i = 0; i < count; ++i) {
                raw_send(out.get(), topic, std::strlen(topic), ZMQ_SNDMORE);
                raw_send(out.get(), body.data(), body.size(), ZMQ_SNDMORE);
                raw_send(out.get(), trailer.data(), trailer.size(), 0);
            }
        },
        [=](const std::string& at) {
            raw::socket in{ZMQ_SUB, marks};
            zmq_setsockopt(in.get(), ZMQ_SUBSCRIBE, "bench.", 6);
            in.connect(at);
            stopwatch watch;
            zmq_msg_t m;
            zmq_msg_init(&m);
            for (std::size_t i = 0; i < count; ++i) {
                for (int frame = 0; frame < 3; ++frame) zmq_msg_recv(&m, in.get(), 0);
                if (i == 0) watch.start();
            }
            return watch.stop(count);
        });
}

/// `T` has `body_size` bytes.
template <class T>
reading leat_publications(std::size_t n, std::size_t count, leat::batching batch) {
    return among(
        n,
        [=](auto tell) {
            leat::context ctx;
            leat::publisher<T> out{
                ctx, {.bind = "tcp://127.0.0.1:*", .overflow = leat::overflow::block, .batch = batch}};
            tell(out.bound()[0].str());
            if (out.wait_subscribers(topic, n, std::chrono::minutes{1}) != leat::status::ok)
                throw std::runtime_error{"leat publisher: no subscribers"};
            if constexpr (std::same_as<T, leat::bytes>) {
                const std::string body(body_size, 'x');
                for (std::size_t i = 0; i < count; ++i)
                    static_cast<void>(out.publish(topic, leat::bytes{std::string_view{body}}));
            } else {
                const T value(body_size - 2, 'x');  // and msgpack's head of a string
                for (std::size_t i = 0; i < count; ++i) static_cast<void>(out.publish(topic, value));
            }
            static_cast<void>(out.flush(std::chrono::minutes{1}));
        },
        [=](const std::string& at) {
            leat::context ctx;
            leat::subscriber<T> in{ctx, {.connect = at, .patterns = {"bench.>"}}};
            stopwatch watch;
            leat::publication<T> got;
            for (std::size_t i = 0; i < count; ++i) {
                static_cast<void>(in.receive(got));
                if (i == 0) watch.start();
            }
            if (got.sequence != count || in.seen().gaps.value() != 0)
                throw std::runtime_error{"leat subscriber: messages are missing"};
            return watch.stop(count);
        });
}

/// Topics of ten of the patterns come; nanoseconds a message.
reading leat_matching(std::size_t patterns, std::size_t count) {
    const auto name = [](std::size_t i) { return "site." + std::to_string(i); };
    auto r = among(
        1,
        [=](auto tell) {
            leat::context ctx;
            leat::publisher<leat::bytes> out{
                ctx, {.bind = "tcp://127.0.0.1:*", .overflow = leat::overflow::block}};
            tell(out.bound()[0].str());
            if (out.wait_subscribers("start", 1, std::chrono::minutes{1}) != leat::status::ok)
                throw std::runtime_error{"leat publisher: no subscriber"};
            std::vector<std::string> topics;
            for (std::size_t i = 0; i < 1000; ++i)
                topics.push_back(name(i % 10) + ".room." + std::to_string(i / 10) + ".temperature");
            const std::string body(body_size, 'x');
            for (std::size_t i = 0; i < count; ++i)
                static_cast<void>(
                    out.publish(topics[i % topics.size()], leat::bytes{std::string_view{body}}));
            static_cast<void>(out.flush(std::chrono::minutes{1}));
        },
        [=](const std::string& at) {
            leat::context ctx;
            leat::subscriber<leat::bytes> in{ctx, {.connect = at}};
            for (std::size_t i = 0; i < patterns; ++i) in.subscribe(name(i) + ".*.*.temperature");
            if (in.wait_ready(1, std::chrono::minutes{1}) != leat::status::ok)
                throw std::runtime_error{"leat subscriber: no publisher"};
            in.subscribe("start");
            stopwatch watch;
            leat::publication<leat::bytes> got;
            for (std::size_t i = 0; i < count; ++i) {
                static_cast<void>(in.receive(got));
                if (i == 0) watch.start();
            }
            return watch.stop(count);
        });
    r.value = 1e9 / r.value;
    return r;
}

/// The trie alone, nanoseconds a match; nine in ten topics match nothing.
reading leat_trie(std::size_t patterns, std::size_t count) {
    leat::detail::topic_trie trie{'.'};
    for (std::size_t i = 0; i < patterns; ++i) {
        const auto name = "site." + std::to_string(i);
        trie.add(i % 3 == 0 ? name + ".*.temperature" : i % 3 == 1 ? name + ".>" : name + ".door.open");
    }
    std::vector<std::string> topics;
    for (std::size_t i = 0; i < 100; ++i) topics.push_back("site." + std::to_string(i) + ".hall.temperature");
    std::size_t found = 0;
    const auto began = now_seconds();
    for (std::size_t i = 0; i < count; ++i) found += trie.matches(topics[i % topics.size()]) ? 1u : 0u;
    const auto seconds = now_seconds() - began;
    if (found == 0) throw std::runtime_error{"matching: nothing matched"};
    return {seconds / static_cast<double>(count) * 1e9, 0, 0};
}

}  // namespace

std::vector<pair_case> pub_sub_cases() {
    const leat::socket_options defaults;
    const raw::marks same{defaults.send_high_water_mark(), defaults.receive_high_water_mark()};
    using leat::bytes;
    std::vector<pair_case> all;
    for (const std::size_t n : {1u, 8u}) {
        const std::size_t count = n == 1 ? 1'000'000 : 200'000;
        const auto to = std::string{" to "} + std::to_string(n);
        all.push_back({"pub/sub bytes 100 B" + to + ", same frames", "messages/s", "raw libzmq", 0.95, false,
                       [=] { return raw_frames(n, count, same); },
                       [=] { return leat_publications<bytes>(n, count, {}); }});
        all.push_back(
            {"pub/sub 100 B" + to + ", batched", "messages/s", "raw libzmq", 4, false,
             [=] { return raw_frames(n, count, same); },
             [=] { return leat_publications<std::string>(n, 4 * count, {.bytes = leat::full_batch}); }});
    }
    all.push_back({"pub/sub 10,000 patterns against 10", "ns/message", "10 patterns", 3, true,
                   [] { return leat_matching(10, 500'000); }, [] { return leat_matching(10'000, 500'000); }});
    all.push_back({"pub/sub matching alone, 10,000 against 10", "ns/message", "10 patterns", 3, true,
                   [] { return leat_trie(10, 3'000'000); }, [] { return leat_trie(10'000, 3'000'000); }});
    return all;
}

}  // namespace bench

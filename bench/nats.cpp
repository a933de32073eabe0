#include "nats.hpp"

#include <nats/nats.h>

#include <stdexcept>
#include <string>

namespace bench {
namespace {

constexpr auto subject = "work", group = "all";

void must(natsStatus how, const char* what) {
    if (how != NATS_OK)
        throw std::runtime_error{std::string{"nats: "} + what + ": " + natsStatus_GetText(how)};
}

/// A connection and its JetStream context.
class nats_link {
public:
    nats_link(const std::string& at, std::size_t window) {
        must(natsConnection_ConnectTo(&connection_, at.c_str()), "connect");
        jsOptions how;
        jsOptions_Init(&how);
        how.PublishAsync.MaxPending = static_cast<int64_t>(window);
        how.PublishAsync.StallWait = 60'000;
        how.PublishAsync.ErrHandler = [](jsCtx*, jsPubAckErr*, void* failed) {
            *static_cast<bool*>(failed) = true;
        };
        how.PublishAsync.ErrHandlerClosure = &failed_;
        must(natsConnection_JetStream(&stream_, connection_, &how), "JetStream");
    }
    ~nats_link() {
        jsCtx_Destroy(stream_);
        natsConnection_Destroy(connection_);
    }
    nats_link(const nats_link&) = delete;
    nats_link& operator=(const nats_link&) = delete;

    [[nodiscard]] jsCtx* stream() const { return stream_; }
    [[nodiscard]] natsConnection* connection() const { return connection_; }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    natsConnection* connection_ = nullptr;
    jsCtx* stream_ = nullptr;
    bool failed_ = false;
};

class nats_putter final : public putter {
public:
    nats_putter(const std::string& at, const traffic& what)
        : link_(at, what.window), one_by_one_(what.window == 1) {}

    void put(std::string_view body) override {
        const auto size = static_cast<int>(body.size());
        if (one_by_one_) {
            must(js_Publish(nullptr, link_.stream(), subject, body.data(), size, nullptr, nullptr), "put");
        } else {
            must(js_PublishAsync(link_.stream(), subject, body.data(), size, nullptr), "put");
        }
    }
    void flush() override {
        jsPubOptions how;
        jsPubOptions_Init(&how);
        how.MaxWait = 60'000;
        must(js_PublishAsyncComplete(link_.stream(), &how), "flush");
        if (link_.failed()) throw std::runtime_error{"nats: puts were refused"};
    }

private:
    nats_link link_;
    const bool one_by_one_;
};

class nats_taker final : public taker {
public:
    explicit nats_taker(const std::string& at) : link_(at, 1) {
        jsSubOptions how;
        jsSubOptions_Init(&how);
        how.ManualAck = true;
        how.Stream = "WORK";
        how.Queue = group;
        how.Consumer = group;
        must(js_SubscribeSync(&in_, link_.stream(), subject, nullptr, &how, nullptr), "subscribe");
        must(natsSubscription_SetPendingLimits(in_, -1, -1), "subscribe");
        must(natsConnection_Flush(link_.connection()), "subscribe");
    }
    ~nats_taker() override { natsSubscription_Destroy(in_); }

    std::size_t take(const look& each) override {
        std::size_t taken = 0;
        for (int64_t wait_ms = 50; taken < most_unacked; wait_ms = 0) {
            natsMsg* got = nullptr;
            const auto how = natsSubscription_NextMsg(&got, in_, wait_ms);
            if (how == NATS_TIMEOUT) break;
            must(how, "take");
            each({natsMsg_GetData(got), static_cast<std::size_t>(natsMsg_GetDataLength(got))});
            const auto acked = natsMsg_Ack(got, nullptr);
            natsMsg_Destroy(got);
            must(acked, "ack");
            ++taken;
        }
        return taken;
    }
    void finish() override { must(natsConnection_FlushTimeout(link_.connection(), 60'000), "acks"); }

private:
    nats_link link_;
    natsSubscription* in_ = nullptr;
};

class nats_running final : public running_server {
public:
    explicit nats_running(const std::string& directory)
        : port_(std::to_string(free_port())),
          server_({.words = {"nats-server", "-a", "127.0.0.1", "-p", port_, "-js", "-sd", directory},
                   .ready = "Server is ready"}) {
        const nats_link link{at(), 1};
        jsStreamConfig stream;
        jsStreamConfig_Init(&stream);
        const char* subjects[] = {subject};
        stream.Name = "WORK";
        stream.Subjects = subjects;
        stream.SubjectsLen = 1;
        stream.Storage = js_FileStorage;
        must(js_AddStream(nullptr, link.stream(), &stream, nullptr, nullptr), "stream");
        jsConsumerConfig consumer;
        jsConsumerConfig_Init(&consumer);
        consumer.Durable = group;
        consumer.DeliverSubject = "deliver.work";
        consumer.DeliverGroup = group;
        consumer.AckPolicy = js_AckExplicit;
        consumer.MaxAckPending = static_cast<int64_t>(most_unacked);
        must(js_AddConsumer(nullptr, link.stream(), "WORK", &consumer, nullptr, nullptr), "consumer");
    }
    std::unique_ptr<putter> producer(const traffic& what) override {
        return std::make_unique<nats_putter>(at(), what);
    }
    std::unique_ptr<taker> consumer() override { return std::make_unique<nats_taker>(at()); }
    std::vector<pid_t> processes() const override { return server_.processes(); }

private:
    [[nodiscard]] std::string at() const { return "nats://127.0.0.1:" + port_; }

    const std::string port_;
    const program server_;
};

}  // namespace

contender nats_durable() {
    return {"JetStream", 100'000,
            [](const std::string& directory) { return std::make_unique<nats_running>(directory); }};
}

}  // namespace bench

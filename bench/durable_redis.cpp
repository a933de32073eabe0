#include "durable_redis.hpp"

#include "redis.hpp"
#include "redis_stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bench {
namespace {

class redis_putter final : public putter {
public:
    redis_putter(int port, const traffic& what)
        : to_(port), window_(what.window), burst_(what.at_once ? 1 : std::max<std::size_t>(window_ / 2, 1)) {}

    void put(std::string_view body) override {
        redis::append_add(to_, body);
        if (++sent_ % burst_ != 0) return;
        to_.flush();
        if (burst_ == 1 && window_ > 1) {
            while (to_.next_if_any()) ++answered_;
        }
        // Half of the window is on its way there while the answers to the other half come back.
        await(sent_ - std::min(sent_, window_ - burst_));
    }
    void flush() override { await(sent_); }

private:
    void await(std::size_t until) {
        for (; answered_ < until; ++answered_) to_.next();
    }

    redis::client to_;
    const std::size_t window_, burst_;
    std::size_t sent_ = 0, answered_ = 0;
};

class redis_taker final : public taker {
public:
    explicit redis_taker(int port) : from_(port), name_("c" + std::to_string(::getpid())) {}

    std::size_t take(const look& each) override {
        const bool acks = !ids_.empty();
        if (acks) append_acks();  // they go with the next question
        from_.append("XREADGROUP GROUP all %s COUNT %d BLOCK 50 STREAMS work >", name_.c_str(),
                     static_cast<int>(most_unacked));
        if (acks) from_.next();
        ids_.clear();
        const auto got = from_.next();
        if (got->type != REDIS_REPLY_ARRAY) return 0;
        const auto* messages = got->element[0]->element[1];
        for (std::size_t i = 0; i < messages->elements; ++i) {
            const auto* one = messages->element[i];
            const auto* body = one->element[1]->element[1];
            each({body->str, body->len});
            ids_.emplace_back(one->element[0]->str, one->element[0]->len);
        }
        return messages->elements;
    }
    void finish() override {
        if (ids_.empty()) return;
        append_acks();
        from_.next();
    }

private:
    void append_acks() { redis::append_acks(from_, ids_); }

    redis::client from_;
    const std::string name_;
    std::vector<std::string> ids_;
};

class redis_running final : public running_server {
public:
    redis_running(const std::string& append_fsync, const std::string& directory)
        : server_(append_fsync, directory) {
        redis::make_stream(server_.port());
    }
    std::unique_ptr<putter> producer(const traffic& what) override {
        return std::make_unique<redis_putter>(server_.port(), what);
    }
    std::unique_ptr<taker> consumer() override { return std::make_unique<redis_taker>(server_.port()); }
    std::vector<pid_t> processes() const override { return server_.processes(); }

private:
    const redis::server server_;
};

}  // namespace

contender redis_durable(const std::string& append_fsync) {
    return {"Redis " + append_fsync, append_fsync == "always" ? 180'000.0 : 300'000.0,
            [=](const std::string& directory) {
                return std::make_unique<redis_running>(append_fsync, directory);
            }};
}

}  // namespace bench

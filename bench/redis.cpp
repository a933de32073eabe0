#include "redis.hpp"

#include <poll.h>

#include <stdexcept>

namespace bench::redis {

bool available() {
    return installed("redis-server");
}

server::server(const std::string& append_fsync, const std::filesystem::path& root)
    : directory_(root),
      port_(free_port()),
      process_({.words = {"redis-server", "--bind", "127.0.0.1", "--port", std::to_string(port_), "--dir",
                          directory_.str(), "--appendonly", "yes", "--appendfsync", append_fsync, "--save",
                          "", "--daemonize", "no"},
                .ready = "Ready to accept connections"}) {}

client::client(int port) : context_(redisConnect("127.0.0.1", port)) {
    if (!context_ || context_->err != 0) throw std::runtime_error{"cannot connect to redis-server"};
    redisEnableKeepAlive(context_.get());
}

void client::flush() {
    for (int done = 0; done == 0;) {
        if (redisBufferWrite(context_.get(), &done) != REDIS_OK)
            throw std::runtime_error{"redis-server: " + std::string{context_->errstr}};
    }
}

client::reply client::next() {
    void* got = nullptr;
    if (redisGetReply(context_.get(), &got) != REDIS_OK || got == nullptr)
        throw std::runtime_error{"redis-server: " + std::string{context_->errstr}};
    return checked(got);
}

client::reply client::next_if_any() {
    void* got = nullptr;
    pollfd more{context_->fd, POLLIN, 0};
    if (redisGetReplyFromReader(context_.get(), &got) == REDIS_OK && got == nullptr &&
        ::poll(&more, 1, 0) > 0 && redisBufferRead(context_.get()) == REDIS_OK)
        redisGetReplyFromReader(context_.get(), &got);
    if (context_->err != 0) throw std::runtime_error{"redis-server: " + std::string{context_->errstr}};
    return got == nullptr ? nullptr : checked(got);
}

client::reply client::checked(void* got) {
    reply answer{static_cast<redisReply*>(got)};
    if (answer->type == REDIS_REPLY_ERROR)
        throw std::runtime_error{"redis-server: " + std::string{answer->str}};
    return answer;
}

}  // namespace bench::redis

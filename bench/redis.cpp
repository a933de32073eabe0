#include "redis.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace bench::redis {
namespace {

/// A port that nobody has, for the moment.
int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    const bool good = ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 &&
                      ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
    ::close(fd);
    if (!good) throw std::runtime_error{"no free port"};
    return ntohs(at.sin_port);
}

std::string made_directory() {
    auto name = (std::filesystem::temp_directory_path() / "leat-bench-redis-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"cannot make " + name};
    return name;
}

}  // namespace

bool available() {
    return std::system("command -v redis-server >/dev/null") == 0;
}

server::pipe_ends::pipe_ends() {
    if (::pipe(ends) != 0) throw std::runtime_error{"cannot make a pipe"};
}
server::pipe_ends::~pipe_ends() {
    ::close(ends[0]);
    ::close(ends[1]);
}

server::server()
    : directory_(made_directory()), port_(free_port()), process_([this] {
          ::dup2(log_.ends[1], STDOUT_FILENO);
          ::execlp("redis-server", "redis-server", "--bind", "127.0.0.1", "--port",
                   std::to_string(port_).c_str(), "--dir", directory_.c_str(), "--appendonly", "yes",
                   "--appendfsync", "everysec", "--save", "", "--daemonize", "no", nullptr);
          throw std::runtime_error{"cannot start redis-server"};
      }) {
    std::string log;
    while (log.find("Ready to accept connections") == std::string::npos) {
        pollfd more{log_.ends[0], POLLIN, 0};
        std::array<char, 4096> text{};
        constexpr int patience_ms = 20'000;
        const auto got =
            ::poll(&more, 1, patience_ms) > 0 ? ::read(log_.ends[0], text.data(), text.size()) : 0;
        if (got <= 0) throw std::runtime_error{"redis-server does not start: " + log};
        log.append(text.data(), static_cast<std::size_t>(got));
    }
}

server::~server() {
    process_.kill();
    process_.wait();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

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
    reply answer{static_cast<redisReply*>(got)};
    if (answer->type == REDIS_REPLY_ERROR)
        throw std::runtime_error{"redis-server: " + std::string{answer->str}};
    return answer;
}

}  // namespace bench::redis

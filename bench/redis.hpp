#pragma once

#include "processes.hpp"

#include <hiredis/hiredis.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bench::redis {

/// True when there is a redis-server to be measured.
[[nodiscard]] bool available();

/// A redis-server on a free port of loopback, with `appendfsync everysec` and its files in a directory of its
/// own. Ended, and the directory removed, with this object.
class server {
public:
    server();
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    [[nodiscard]] int port() const noexcept { return port_; }

private:
    struct pipe_ends {
        pipe_ends();
        ~pipe_ends();
        pipe_ends(const pipe_ends&) = delete;
        pipe_ends& operator=(const pipe_ends&) = delete;
        int ends[2];
    };

    const std::string directory_;
    const int port_;
    pipe_ends log_;
    child process_;
};

/// A connection. Throws std::runtime_error when the server says no.
class client {
public:
    explicit client(int port);

    /// Writes a command to the buffer; printf-like, as redisAppendCommand has it.
    template <class... Arguments>
    void append(const char* format, Arguments... arguments) {
        redisAppendCommand(context_.get(), format, arguments...);
    }
    void append(int words, const char** text, const std::size_t* sizes) {
        redisAppendCommandArgv(context_.get(), words, text, sizes);
    }

    /// Sends what was appended.
    void flush();

    struct free_reply {
        void operator()(redisReply* reply) const { freeReplyObject(reply); }
    };
    using reply = std::unique_ptr<redisReply, free_reply>;

    /// The next answer; sends what was appended before it waits.
    reply next();

private:
    struct free_context {
        void operator()(redisContext* context) const { redisFree(context); }
    };
    std::unique_ptr<redisContext, free_context> context_;
};

}  // namespace bench::redis

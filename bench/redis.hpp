#pragma once

#include "program.hpp"

#include <hiredis/hiredis.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bench::redis {

/// True when there is a redis-server to be measured.
[[nodiscard]] bool available();

/// A redis-server on a free port of loopback, with an append-only file in a directory of its own. Ended, and
/// the directory removed, with this object.
class server {
public:
    /// `append_fsync`: "everysec", or "always".
    explicit server(const std::string& append_fsync = "everysec",
                    const std::filesystem::path& root = std::filesystem::temp_directory_path());

    [[nodiscard]] int port() const noexcept { return port_; }
    [[nodiscard]] std::vector<pid_t> processes() const { return process_.processes(); }

private:
    const work_directory directory_;
    const int port_;
    const program process_;
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

    /// The next answer if there is one already; empty otherwise.
    reply next_if_any();

private:
    static reply checked(void* got);

    struct free_context {
        void operator()(redisContext* context) const { redisFree(context); }
    };
    std::unique_ptr<redisContext, free_context> context_;
};

}  // namespace bench::redis

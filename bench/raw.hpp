#pragma once

#include <cstddef>
#include <string>

// The yardsticks: what one writes by hand with libzmq's C interface for the same jobs.

namespace bench::raw {

struct marks {
    int send = 1000;
    int receive = 1000;
};

/// A socket with its high-water marks; ends the process when libzmq refuses.
class socket {
public:
    socket(int type, marks m);
    ~socket();
    socket(const socket&) = delete;
    socket& operator=(const socket&) = delete;

    std::string bind();
    void connect(const std::string& to);
    [[nodiscard]] void* get() const noexcept { return socket_; }

    void send(const void* data, std::size_t size);

private:
    void* context_;
    void* socket_;
};

/// zmq_proxy between a PULL and a PUSH that it binds; told is called with both endpoints. Never returns.
[[noreturn]] void proxy(marks m, const void* user,
                        void (*told)(const void*, const std::string&, const std::string&));

}  // namespace bench::raw

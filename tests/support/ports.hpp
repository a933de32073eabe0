#pragma once

#include <leat/endpoint.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace support {

/// A TCP port on loopback that refuses connections for as long as this lives: bound, and never listened on.
class silent_port {
public:
    silent_port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        if (fd_ < 0 || ::bind(fd_, any, size) != 0 || ::getsockname(fd_, any, &size) != 0) {
            throw std::runtime_error{"no TCP port to be had"};
        }
        endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    ~silent_port() { ::close(fd_); }
    silent_port(const silent_port&) = delete;
    silent_port& operator=(const silent_port&) = delete;

    [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }

private:
    int fd_;
    std::string endpoint_;
};

/// A path for an ipc endpoint that nobody else uses; its file is removed in the end.
class ipc_path {
public:
    ipc_path()
        : path_(std::filesystem::temp_directory_path() /
                ("leat-test-" + std::to_string(::getpid()) + "-" + std::to_string(++last_))) {}
    ~ipc_path() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    ipc_path(const ipc_path&) = delete;
    ipc_path& operator=(const ipc_path&) = delete;

    [[nodiscard]] leat::endpoint at() const { return leat::endpoint{"ipc://" + path_.string()}; }

private:
    static inline int last_ = 0;
    std::filesystem::path path_;
};

}  // namespace support

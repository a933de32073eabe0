#pragma once

#include <leat/endpoint.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace support {

/// Passes TCP connections on to `to` (a tcp endpoint on 127.0.0.1), until it is told to cut them.
class tcp_proxy {
public:
    explicit tcp_proxy(const leat::endpoint& to)
        : target_(static_cast<std::uint16_t>(std::stoi(to.str().substr(to.str().rfind(':') + 1)))) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        auto address = loopback(0);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0 ||
            ::getsockname(listener_, any, &size) != 0 || ::pipe2(wake_.data(), O_CLOEXEC) != 0)
            throw std::runtime_error{"tcp_proxy: no port to be had"};
        at_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread{[this] { run(); }};
    }
    ~tcp_proxy() {
        tell('q');
        thread_.join();
        for (const auto fd : {listener_, wake_[0], wake_[1]}) ::close(fd);
    }
    tcp_proxy(const tcp_proxy&) = delete;
    tcp_proxy& operator=(const tcp_proxy&) = delete;

    [[nodiscard]] const std::string& at() const noexcept { return at_; }

    /// Closes all connections; new ones are taken.
    void cut() { tell('c'); }
    /// Closes the connections of those who have connected; what they were connected to does not notice.
    void cut_unnoticed() { tell('u'); }
    /// Passes nothing on any more, without closing; new connections wait.
    void freeze() { tell('f'); }
    void thaw() { tell('t'); }

private:
    struct pair {
        int a, b;
    };

    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }

    void tell(char what) {
        if (::write(wake_[1], &what, 1) != 1) std::terminate();
    }

    void accept_one() {
        const int in = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        auto address = loopback(target_);
        if (::connect(out, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            ::close(in);
            ::close(out);
            return;
        }
        pairs_.push_back({in, out});
    }

    void cut_all() {
        cut_near();
        for (const auto fd : left_open_) ::close(fd);
        left_open_.clear();
    }

    void cut_near() {
        for (const auto& one : pairs_) {
            ::close(one.a);
            left_open_.push_back(one.b);
        }
        pairs_.clear();
    }

    static bool pass(int from, int to) {
        std::array<char, 65536> block{};
        const auto got = ::recv(from, block.data(), block.size(), 0);
        if (got <= 0) return false;
        for (ssize_t done = 0; done < got;) {
            const auto sent =
                ::send(to, block.data() + done, static_cast<std::size_t>(got - done), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            done += sent;
        }
        return true;
    }

    void run() {
        bool frozen = false;
        for (;;) {
            std::vector<pollfd> ready{{wake_[0], POLLIN, 0}, {frozen ? -1 : listener_, POLLIN, 0}};
            for (const auto& one : pairs_) {
                ready.push_back({frozen ? -1 : one.a, POLLIN, 0});
                ready.push_back({frozen ? -1 : one.b, POLLIN, 0});
            }
            ::poll(ready.data(), ready.size(), -1);
            if (ready[0].revents != 0) {
                char what = 0;
                if (::read(wake_[0], &what, 1) != 1 || what == 'q') return cut_all();
                if (what == 'c') cut_all();
                if (what == 'u') cut_near();
                if (what == 'f') frozen = true;
                if (what == 't') frozen = false;
                continue;
            }
            for (std::size_t i = pairs_.size(); i-- > 0;) {
                const auto one = pairs_[i];
                const bool good = (ready[2 + 2 * i].revents == 0 || pass(one.a, one.b)) &&
                                  (ready[3 + 2 * i].revents == 0 || pass(one.b, one.a));
                if (good) continue;
                ::close(one.a);
                ::close(one.b);
                pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
            }
            if (ready[1].revents != 0) accept_one();
        }
    }

    const std::uint16_t target_;
    int listener_ = -1;
    std::array<int, 2> wake_{-1, -1};
    std::string at_;
    std::vector<pair> pairs_;
    std::vector<int> left_open_;
    std::thread thread_;
};

}  // namespace support

#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

namespace support {

/// A pipe; closed with this object.
class pipe {
public:
    pipe() {
        if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error{"no pipe to be had"};
    }
    ~pipe() {
        close_reader();
        close_writer();
    }
    pipe(const pipe&) = delete;
    pipe& operator=(const pipe&) = delete;

    [[nodiscard]] int reader() const noexcept { return ends_[0]; }
    [[nodiscard]] int writer() const noexcept { return ends_[1]; }

    void close_reader() { close(ends_[0]); }
    void close_writer() { close(ends_[1]); }

    /// Waits for room when there is none.
    void write(std::string_view text) const {
        while (!text.empty()) {
            const auto written = ::write(ends_[1], text.data(), text.size());
            if (written < 0) return;
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    /// All that comes until the writer closes.
    [[nodiscard]] std::string read_all() const {
        std::string all;
        std::array<char, 65536> block{};
        for (ssize_t got = 0; (got = ::read(ends_[0], block.data(), block.size())) > 0;)
            all.append(block.data(), static_cast<std::size_t>(got));
        return all;
    }

private:
    static void close(int& end) {
        if (end >= 0) ::close(end);
        end = -1;
    }

    std::array<int, 2> ends_{-1, -1};
};

}  // namespace support

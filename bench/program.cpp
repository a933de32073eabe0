#include "program.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace bench {

int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

work_directory::work_directory(const std::filesystem::path& root) : path_(root / "leat-bench-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error{"cannot make " + path_};
}

work_directory::~work_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

bool installed(const std::string& program) {
    return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

program::program(const start& how) {
    std::vector<char*> words;
    for (const auto& one : how.words) words.push_back(const_cast<char*>(one.c_str()));
    words.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"cannot make a pipe"};
    constexpr int ample = 1 << 20;  // nobody reads what it prints later
    ::fcntl(ends[0], F_SETPIPE_SZ, ample);
    output_ = ends[0];
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what it started and left behind is then ours to wait for
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error{"cannot fork"};
    if (pid_ == 0) {
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
        ::dup2(ends[1], STDOUT_FILENO);
        ::dup2(ends[1], STDERR_FILENO);
        for (const auto& one : how.environment) ::putenv(const_cast<char*>(one.c_str()));
        ::execvp(words[0], words.data());
        std::perror(words[0]);
        ::_exit(1);
    }
    ::setpgid(pid_, pid_);  // whoever is first
    ::close(ends[1]);
    try {
        wait_for(how.ready);
    } catch (...) {
        end(SIGKILL);
        throw;
    }
}

program::~program() {
    end(SIGKILL);
}

void program::wait_for(const std::string& text) {
    while (printed_.find(text) == std::string::npos) {
        pollfd more{output_, POLLIN, 0};
        std::array<char, 4096> part{};
        constexpr int patience_ms = 60'000;
        const auto got = ::poll(&more, 1, patience_ms) > 0 ? ::read(output_, part.data(), part.size()) : 0;
        if (got <= 0) throw std::runtime_error{"waited in vain for \"" + text + "\": " + printed_};
        printed_.append(part.data(), static_cast<std::size_t>(got));
    }
}

std::vector<pid_t> program::processes() const {
    std::vector<pid_t> all;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
        const int pid = std::atoi(entry.path().filename().c_str());
        if (pid > 0 && ::getpgid(pid) == pid_) all.push_back(pid);
    }
    return all;
}

void program::interrupt() {
    end(SIGINT);
}

void program::end(int signal) {
    if (pid_ > 0) {
        ::kill(-pid_, signal);
        while (::waitpid(-pid_, nullptr, 0) > 0) {
        }
        pid_ = -1;
    }
    if (output_ >= 0) ::close(output_);
    output_ = -1;
}

}  // namespace bench

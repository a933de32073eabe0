#include "child_command.hpp"

#include "exit_code.hpp"

#include <leat/deadline.hpp>
#include <leat/stop.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace leat::command {
namespace {

/// One end of a pipe.
class descriptor {
public:
    explicit descriptor(int fd = -1) : fd_(fd) {}
    ~descriptor() { close(); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    void close() noexcept {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void set(int fd) noexcept {
        close();
        fd_ = fd;
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

void make_pipe(descriptor& from, descriptor& to) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw failure{"cannot make a pipe: " + std::generic_category().message(errno)};
    from.set(ends[0]);
    to.set(ends[1]);
}

pid_t start(const std::string& command, int in, int out) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawnattr_t how;
    posix_spawnattr_init(&how);
    // A group of its own, to be killed with its children, and the signals as a program expects them.
    sigset_t none, standard;
    sigemptyset(&none);
    sigfillset(&standard);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &standard);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::string shell = "sh", option = "-c", text = command;
    std::array<char*, 4> argv{shell.data(), option.data(), text.data(), nullptr};
    pid_t pid = -1;
    const int failed = ::posix_spawn(&pid, "/bin/sh", &files, &how, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    if (failed != 0) throw failure{"cannot start /bin/sh: " + std::generic_category().message(failed)};
    return pid;
}

}  // namespace

command_end run_command(const std::string& command, std::span<const std::byte> input, std::size_t most,
                        std::optional<std::chrono::nanoseconds> time, std::stop_token stop) {
    const deadline until = time ? deadline{*time} : deadline::never();
    const stop_event stopped{std::move(stop)};
    descriptor child_in, to_child, from_child, child_out;
    make_pipe(child_in, to_child);
    make_pipe(from_child, child_out);
    const pid_t pid = start(command, child_in.get(), child_out.get());
    child_in.close();
    child_out.close();
    ::fcntl(to_child.get(), F_SETFL, O_NONBLOCK);
    command_end end;
    const auto kill = [&](bool& why) {
        why = true;
        ::kill(-pid, SIGKILL);
    };
    if (input.empty()) to_child.close();
    // It may go on reading once it has closed its output.
    while ((from_child.get() >= 0 || to_child.get() >= 0) && !end.stopped && !end.too_long) {
        std::array<pollfd, 3> ready{
            {{from_child.get(), POLLIN, 0}, {to_child.get(), POLLOUT, 0}, {stopped.fd(), POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), until.poll_timeout()) < 0) continue;
        if (stopped.stopped() || until.passed()) {
            kill(end.stopped);
            break;
        }
        if (ready[1].revents != 0) {
            const auto written = ::write(to_child.get(), input.data(), input.size());
            if (written > 0) input = input.subspan(static_cast<std::size_t>(written));
            if ((written < 0 && errno != EAGAIN && errno != EINTR) || input.empty()) to_child.close();
        }
        if (ready[0].revents != 0) {
            std::array<char, 65536> block{};
            const auto got = ::read(from_child.get(), block.data(), block.size());
            if (got > 0) end.output.append(block.data(), static_cast<std::size_t>(got));
            if (got == 0 || (got < 0 && errno != EINTR)) from_child.close();
            if (end.output.size() > most) kill(end.too_long);
        }
    }
    const descriptor exited{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    while (exited.get() >= 0 && !end.stopped && !end.too_long) {
        std::array<pollfd, 2> ready{{{exited.get(), POLLIN, 0}, {stopped.fd(), POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), until.poll_timeout()) < 0) continue;
        if (ready[0].revents != 0) break;
        kill(end.stopped);
    }
    int how = 0;
    while (::waitpid(pid, &how, 0) < 0 && errno == EINTR) {
    }
    end.status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    return end;
}

}  // namespace leat::command

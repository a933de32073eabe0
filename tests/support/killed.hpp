#pragma once

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>

namespace support {

/// Whether a system call changes a file, a directory, or what of them is on disk.
inline bool changes_files(const struct __ptrace_syscall_info& call) {
    constexpr std::array changing{SYS_write,     SYS_pwrite64,  SYS_writev,    SYS_pwritev,
                                  SYS_ftruncate, SYS_fallocate, SYS_renameat2, SYS_unlinkat,
                                  SYS_fsync,     SYS_fdatasync, SYS_mkdirat,   SYS_fchmod,
#ifdef SYS_rename
                                  SYS_rename,    SYS_unlink,    SYS_mkdir,
#endif
                                  SYS_msync};
    const auto number = static_cast<long>(call.entry.nr);
    if (number == SYS_openat) return (call.entry.args[2] & O_CREAT) != 0;
    return std::find(changing.begin(), changing.end(), number) != changing.end();
}

/// Runs `what` in a child of this process, which must have no other, and kills it (SIGKILL) just before its
/// `n`th system call that changes files, of all its threads, counted from 1. False when `what` came to its
/// end before that.
template <class What>
bool killed_at(int n, const What& what) {
    const auto child = ::fork();
    REQUIRE_GE(child, 0);
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        try {
            what();
        } catch (...) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    int how = 0;
    ::waitpid(child, &how, 0);
    const auto options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    REQUIRE_EQ(::ptrace(PTRACE_SETOPTIONS, child, nullptr, options), 0);
    auto thread = child;
    for (int deliver = 0;;) {
        ::ptrace(PTRACE_SYSCALL, thread, nullptr, deliver);
        deliver = 0;
        thread = ::waitpid(-1, &how, __WALL);
        REQUIRE_GT(thread, 0);
        if (!WIFSTOPPED(how)) {
            if (thread != child) continue;
            REQUIRE(WIFEXITED(how));
            REQUIRE_EQ(WEXITSTATUS(how), 0);
            return false;
        }
        constexpr int at_call = SIGTRAP | 0x80;
        const int why = WSTOPSIG(how);
        if (why != at_call) {
            if (why != SIGTRAP && why != SIGSTOP) deliver = why;  // those say that there is a new thread
            continue;
        }
        struct __ptrace_syscall_info call {};
        ::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof call, &call);
        if (call.op != PTRACE_SYSCALL_INFO_ENTRY || !changes_files(call) || --n > 0) continue;
        ::kill(child, SIGKILL);
        while (::waitpid(-1, &how, __WALL) > 0) {
        }
        return true;
    }
}

}  // namespace support

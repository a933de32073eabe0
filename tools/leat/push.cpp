#include "grace.hpp"
#include "json.hpp"
#include "line_reader.hpp"
#include "packed.hpp"
#include "parse.hpp"
#include "peers.hpp"
#include "progress.hpp"
#include "subcommands.hpp"

#include <leat/context.hpp>
#include <leat/pipeline/pusher.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <system_error>

namespace leat::command {
namespace {

struct push_arguments {
    peers with;
    std::string file = "-";
    std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
    std::optional<double> rate;
    std::size_t batch = 0;
};

/// The file or standard input.
class input {
public:
    input(const std::string& file, const environment& env) : fd_(env.in) {
        if (file != "-") {
            name_ = file;
            fd_ = own_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
            if (fd_ < 0) throw failure{"cannot open " + file + ": " + std::generic_category().message(errno)};
        }
        struct stat about {};
        if (::fstat(fd_, &about) != 0 || !S_ISREG(about.st_mode)) return;
        size_ = static_cast<std::uint64_t>(std::max<off_t>(about.st_size - ::lseek(fd_, 0, SEEK_CUR), 0));
    }
    ~input() {
        if (own_ >= 0) ::close(own_);
    }
    input(const input&) = delete;
    input& operator=(const input&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] bool is_file() const noexcept { return size_.has_value(); }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_.value_or(0); }

private:
    int fd_;
    int own_ = -1;
    std::string name_ = "standard input";
    std::optional<std::uint64_t> size_;
};

/// When each message is due. What was late by more than a second stays late, so that a pause ends in no
/// burst.
class schedule {
public:
    using clock = deadline::clock;

    explicit schedule(double rate) : interval_(1 / rate) {}

    /// Waits for the next message's time, or a stop.
    void wait(const stop_event& stop) {
        const auto due = start_ + std::chrono::duration_cast<clock::duration>(interval_ * ++sent_);
        const auto left = due - clock::now();
        if (left < -std::chrono::seconds{1}) {
            start_ = clock::now();
            sent_ = 0;
        }
        if (left <= clock::duration::zero()) return;
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        const timespec time{seconds.count(),
                            static_cast<long>(std::chrono::nanoseconds{left - seconds}.count())};
        pollfd stopped{stop.fd(), POLLIN, 0};
        ::ppoll(&stopped, 1, &time, nullptr);  // paces
    }

private:
    const std::chrono::duration<double> interval_;
    clock::time_point start_ = clock::now();
    double sent_ = -1;
};

enum class ending { end_of_input, count, stopped, timed_out };

/// Sends the records of an input; `T` is bytes or packed.
template <class T>
class push_job {
public:
    push_job(const push_arguments& args, environment& env)
        : args_(args),
          env_(env),
          in_(args.file, env),
          ctx_({.on_warning = [this](const std::string& text) { warn(text); }}),
          grace_(ctx_.background(), env.stop, args.with.linger),
          out_(ctx_, options()),
          lines_(in_.fd(), in_.name(), args.with.delimiter, socket_options{}.max_message),
          stop_(env.stop) {}

    exit_code run() {
        tell_bound(env_.err, args_.with.bind, out_.bound());
        std::string broken;
        ending how{};
        {
            const progress shown{env_.err, ctx_.background(), [this] { return sample(); }};
            try {
                how = send_all();
            } catch (const failure& wrong) {  // in the input: what came before it is sent
                broken = wrong.what();
                how = ending::end_of_input;
            }
            sent_all_ = how == ending::end_of_input || how == ending::count;
            if (how != ending::timed_out) how = flush(how);
        }
        const auto code = close(how);
        if (broken.empty()) return code;
        env_.err.say(broken);
        return exit_code::failed;
    }

private:
    push_options options() const {
        push_options o{.bind = args_.with.bind, .connect = args_.with.connect, .stop = grace_.over()};
        o.batch.bytes = args_.batch;
        o.socket.linger = args_.with.linger;
        o.socket.insecure = args_.with.insecure;
        return o;
    }

    deadline patience() const {
        return args_.with.timeout ? deadline{*args_.with.timeout} : deadline::never();
    }

    ending send_all() {
        std::optional<schedule> paced;
        if (args_.rate) paced.emplace(*args_.rate);
        std::string_view line;
        while (accepted_ < args_.count) {
            switch (lines_.next(line, stop_)) {
                case line_reader::outcome::line:
                    break;
                case line_reader::outcome::end:
                    return ending::end_of_input;
                case line_reader::outcome::stopped:
                    return ending::stopped;
            }
            read_.store(lines_.consumed(), std::memory_order_relaxed);
            if (paced) {
                paced->wait(stop_);
                if (stop_.stopped()) return hold(ending::stopped);
            }
            const auto why = send(line);
            if (why == status::timeout) return hold(ending::timed_out);
            if (why != status::ok) return hold(ending::stopped);
            ++accepted_;
        }
        return ending::count;
    }

    /// Ends with one line read and not sent.
    ending hold(ending how) {
        held_ = 1;
        return how;
    }

    status send(std::string_view line) {
        if constexpr (std::same_as<T, bytes>) {
            return out_.send(bytes{line}, patience());
        } else {
            object_.clear();
            try {
                json_to_msgpack(line, object_);
            } catch (const failure& wrong) {
                throw failure{"line " + format_number(lines_.number()) + " of " + in_.name() + ": " +
                              wrong.what()};
            }
            return out_.send(packed{object_.view()}, patience());
        }
    }

    /// Waits until all has gone; with a timeout for as long as something goes.
    ending flush(ending how) {
        for (auto before = out_.pending();; before = out_.pending()) {
            const auto why = out_.flush(patience());
            if (why == status::ok) return how;
            if (why != status::timeout) return ending::stopped;
            if (out_.pending() >= before) return ending::timed_out;
        }
    }

    exit_code close(ending how) {
        closing_ = true;
        out_.close();
        const bool stopped = env_.stop.stop_requested();
        const auto until = how == ending::timed_out ? deadline::now()
                           : stopped                ? grace_.end()
                                                    : deadline{args_.with.linger + std::chrono::seconds{1}};
        const auto lost = ctx_.close(until).messages_lost() + out_.counts().dropped(drop_reason::linger);
        // What a file still has is not lost.
        const auto unread = sent_all_ ? 0 : held_ + (in_.is_file() ? 0 : lines_.unread());
        const auto unsent = lost + unread;
        const auto of_all = format_number(unsent) + " of " + count_of(accepted_ + unread) +
                            (unsent == 1 ? " was not sent" : " were not sent");
        if (how == ending::timed_out) {
            env_.err.say("timed out: no peer took a message for " + format_duration(*args_.with.timeout) +
                         "; " + of_all + rest());
            return exit_code::timed_out;
        }
        if (unsent > 0) {
            env_.err.say((stopped ? "stopped: "
                                  : "no peer took all within " + format_duration(args_.with.linger) + ": ") +
                         of_all + rest());
            return exit_code::failed;
        }
        if (rest().empty()) return exit_code::done;
        env_.err.say("stopped: " + count_of(accepted_) + (accepted_ == 1 ? " was sent" : " were sent") +
                     rest());
        return exit_code::failed;
    }

    /// Tells of what a file still has.
    std::string rest() const {
        if (sent_all_ || !in_.is_file()) return {};
        return ", and not the rest of " + in_.name();
    }

    void warn(const std::string& text) {
        if (!closing_) env_.err.say(text);  // what was left is told by `close`
    }

    progress_sample sample() const {
        progress_sample now{.messages = out_.counts().messages_sent.value()};
        if (args_.count != std::numeric_limits<std::uint64_t>::max()) {
            now.done = static_cast<double>(now.messages) / static_cast<double>(args_.count);
        } else if (in_.size() > 0) {
            now.done =
                static_cast<double>(read_.load(std::memory_order_relaxed)) / static_cast<double>(in_.size());
        }
        return now;
    }

    const push_arguments& args_;
    environment& env_;
    input in_;
    std::atomic<bool> closing_ = false;
    context ctx_;
    grace grace_;
    pusher<T> out_;
    line_reader lines_;
    stop_event stop_;
    buffer object_;
    std::atomic<std::uint64_t> read_ = 0;  // bytes of the input
    std::uint64_t accepted_ = 0;
    std::uint64_t held_ = 0;
    bool sent_all_ = false;
};

exit_code push(const push_arguments& args, environment& env) {
    return args.with.json ? push_job<packed>{args, env}.run() : push_job<bytes>{args, env}.run();
}

}  // namespace

void declare_push(CLI::App& app, action& chosen) {
    const auto args = std::make_shared<push_arguments>();
    auto& sub = add_subcommand(
        app, "push", "Send each line of standard input to one of the peers",
        "  journalctl -f | leat push -c tcp://127.0.0.1:5555\n"
        "  leat push -b tcp://127.0.0.1:5555 --file work.txt --rate 100\n"
        "  echo '{\"id\": 7}' | leat push --json -c tcp://127.0.0.1:5555 --timeout 2s\n"
        "  find . -name '*.jpg' -print0 | leat push --null -c ipc:///run/thumbs.sock\n",
        [args]() -> action {
            args->with.check();
            if (args->batch > 0 && !args->with.json)
                throw usage_error{
                    "--batch goes with --json only: several lines in one message could not be told apart"};
            return [args](environment& env) { return push(*args, env); };
        },
        chosen);
    add_peers(sub, args->with, "End with status 3 when nothing could be sent for so long (500ms, 2s, 1m)",
              "How long what is under way may take after a signal, and the last bytes at the end (1s)");
    add_value(sub, "-f,--file", "FILE", "Read it instead of standard input",
              [args](const auto& text) { args->file = text; });
    add_value(sub, "-n,--count", "N", "End after N messages",
              [args](const auto& text) { args->count = parse_count("--count", text); });
    add_value(sub, "--rate", "N", "Send N messages a second, evenly",
              [args](const auto& text) { args->rate = parse_rate("--rate", text); });
    add_value(sub, "--batch", "SIZE", "With --json: fill a message up with several lines (64KiB)",
              [args](const auto& text) {
                  args->batch = parse_size("--batch", text);
                  if (args->batch > socket_options{}.max_message)
                      throw usage_error{"--batch '" + text + "': is more than the longest message, 16MiB"};
              });
}

}  // namespace leat::command

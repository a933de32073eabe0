#pragma once

#include <leat/deadline.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <typeindex>
#include <vector>

namespace leat {

class loop;
class socket;

namespace detail {
class context_state;
}

struct context_options {
    int io_threads = 1;       ///< libzmq's; 1 is right up to about a gigabyte a second. 1-64.
    int max_sockets = 16384;  ///< Sockets open at the same time, leat's own included. At least 8.

    /// How long the destructor's `close` takes at the most.
    std::chrono::milliseconds close_deadline = std::chrono::seconds{5};

    /// Told in one line, on any thread, what went wrong without a call to blame. Must not block. By default
    /// standard error.
    std::function<void(const std::string&)> on_warning = {};
};

/// What a context left behind when it was closed.
struct close_report {
    struct leftover {
        std::string socket;      ///< Its role and endpoints: "push to tcp://127.0.0.1:5555".
        std::uint64_t messages;  ///< Accepted and not handed to a peer, to within 61 small frames.
        bool open;               ///< Still held by someone, so that the ZeroMQ context lives on with it.
    };
    std::vector<leftover> leftovers;

    /// False when something was still open or unsent at the deadline: libzmq's context then ends with it, in
    /// the background.
    bool complete = true;

    [[nodiscard]] std::uint64_t messages_lost() const noexcept {
        std::uint64_t sum = 0;
        for (const auto& one : leftovers) sum += one.messages;
        return sum;
    }
};

/// Owns the ZeroMQ context and one loop thread, which starts on first need. Made in main and handed down.
///
/// Thread-safe. Sockets hold on to what they need, so one that outlives its context fails with
/// `status::closed` instead of hanging, and may be closed later.
class context {
public:
    /// @throws leat::error (`errc::bad_option`) when an option is out of its range.
    explicit context(context_options options = {});

    /// Closes within `close_deadline`.
    ~context();

    context(const context&) = delete;
    context& operator=(const context&) = delete;

    /// Ends everything: blocked calls of all sockets return `status::closed`, what closed sockets have
    /// accepted is sent for as long as their linger lasts, and the ZeroMQ context is terminated. Waits for
    /// sockets that other threads hold, at most until `until`; then each one still open is named to
    /// `on_warning` (role, endpoints, unsent messages), as is each one whose messages were dropped. Never
    /// hangs. A second call returns the report of the first.
    close_report close(deadline until);

    /// The loop that the context's thread runs; started by the first call.
    [[nodiscard]] loop& background();

    /// The same for those who may outlive the context: what is posted after its end is dropped.
    [[nodiscard]] std::shared_ptr<loop> shared_background();

    /// The one object of type `T` that belongs to this context, made on first need. It lives for as long as
    /// the context or one of its sockets.
    template <class T>
    [[nodiscard]] std::shared_ptr<T> attached() {
        return std::static_pointer_cast<T>(
            attached(typeid(T), []() -> std::shared_ptr<void> { return std::make_shared<T>(); }));
    }

    /// Passes a line to `on_warning`.
    void warn(const std::string& text) const;

    /// `warn` as a function that may outlive the context.
    [[nodiscard]] std::function<void(const std::string&)> warner() const;

private:
    friend class socket;

    std::shared_ptr<void> attached(std::type_index what, std::shared_ptr<void> (*make)());

    std::shared_ptr<detail::context_state> state_;
};

}  // namespace leat

#pragma once

#include <leat/context.hpp>
#include <leat/detail/parting.hpp>
#include <leat/detail/socket_record.hpp>
#include <leat/endpoint.hpp>
#include <leat/loop.hpp>

#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <typeindex>

namespace leat::detail {

/// The shared part of a context: held by the context, its sockets, and the thread that terminates libzmq's.
class context_state {
public:
    explicit context_state(context_options options);
    ~context_state();

    /// @throws leat::error (`errc::closed`) when the context is closing.
    std::shared_ptr<socket_record> add(std::string role);
    void remove(const std::shared_ptr<socket_record>& record);

    /// Closes a socket that was removed, now or when its peers have read what they were sent.
    void close(const closed_socket& socket);

    void note_endpoint(socket_record& record, const std::string& text, bool added);
    void inproc_bound(const std::shared_ptr<socket_record>& record, const std::string& name);
    void inproc_connected(const std::shared_ptr<socket_record>& record, const std::string& name);
    void inproc_unbound(const std::shared_ptr<socket_record>& record, const std::string& name);
    void inproc_disconnected(const std::shared_ptr<socket_record>& record, const std::string& name);

    close_report close(deadline until);
    std::shared_ptr<loop> shared_background();
    std::shared_ptr<void> attached(std::type_index what, std::shared_ptr<void> (*make)());
    void warn(const std::string& text) const;

    /// "push tcp://127.0.0.1:5555".
    [[nodiscard]] std::string name_of(const socket_record& record);

    /// A name for a monitor's inproc endpoint; libzmq loses events when two share one.
    [[nodiscard]] std::string next_monitor_name();

    [[nodiscard]] void* zmq() const noexcept { return zmq_; }
    [[nodiscard]] deadline close_deadline() const { return options_.close_deadline; }

private:
    using record_ptr = std::shared_ptr<socket_record>;
    struct inproc_name {
        std::string name;
        record_ptr binder;  // none yet when it was connected to first
        std::vector<record_ptr> connectors;
        bool taken =
            false;  // false once unbound: those who are connected stay so, and another may take the name
    };

    inproc_name& inproc(const std::string& name);
    void forget_ended();
    void leave_inproc(const record_ptr& record);
    void stop_background(deadline until);
    bool wait_until_closed(std::unique_lock<std::mutex>& lock, deadline until);
    [[nodiscard]] bool terminate(deadline until);
    [[nodiscard]] close_report report(bool terminated);
    [[nodiscard]] static std::string describe(const socket_record& record);

    const context_options options_;
    void* zmq_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<record_ptr> records_;
    std::list<inproc_name> inproc_;
    std::uint64_t lost_earlier_ = 0;  // by closed sockets that are not in records_ any more
    std::uint64_t last_monitor_ = 0;
    bool closing_ = false;
    bool ended_ = false;  // report_ is complete
    close_report report_;

    struct background_thread {
        loop events;
        std::stop_source stop;
        std::thread thread;
        std::atomic<bool> ended{false};
    };
    std::shared_ptr<background_thread> background_;
    std::map<std::type_index, std::shared_ptr<void>> attached_;
    const std::shared_ptr<parting_sockets> parting_ = std::make_shared<parting_sockets>();
};

}  // namespace leat::detail

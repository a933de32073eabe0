#include "rabbit.hpp"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <sys/time.h>

#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

constexpr amqp_channel_t channel_number = 1;
constexpr auto queue_name = "work";
constexpr auto server_program =
    "/usr/lib/rabbitmq/bin/rabbitmq-server";  // the one on the path changes the user

amqp_bytes_t octets(std::string_view text) {
    return {text.size(), const_cast<char*>(text.data())};
}

/// A connection with one channel.
class rabbit_link {
public:
    explicit rabbit_link(int port) : state_(amqp_new_connection()) {
        auto* socket = amqp_tcp_socket_new(state_);
        if (socket == nullptr || amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK)
            throw std::runtime_error{"rabbitmq: cannot connect"};
        constexpr int frame_max = 131'072;
        const auto login = amqp_login(state_, "/", AMQP_DEFAULT_MAX_CHANNELS, frame_max, 0,
                                      AMQP_SASL_METHOD_PLAIN, "guest", "guest");
        if (login.reply_type != AMQP_RESPONSE_NORMAL) throw std::runtime_error{"rabbitmq: no login"};
        amqp_channel_open(state_, channel_number);
        must("channel");
    }
    ~rabbit_link() { amqp_destroy_connection(state_); }
    rabbit_link(const rabbit_link&) = delete;
    rabbit_link& operator=(const rabbit_link&) = delete;

    void must(const char* what) const {
        if (amqp_get_rpc_reply(state_).reply_type != AMQP_RESPONSE_NORMAL) fail(what);
    }
    static void must(int status, const char* what) {
        if (status != AMQP_STATUS_OK)
            throw std::runtime_error{std::string{"rabbitmq: "} + what + ": " + amqp_error_string2(status)};
    }
    [[noreturn]] static void fail(const char* what) {
        throw std::runtime_error{std::string{"rabbitmq: "} + what};
    }

    [[nodiscard]] amqp_connection_state_t get() const { return state_; }

private:
    amqp_connection_state_t state_;
};

class rabbit_putter final : public putter {
public:
    rabbit_putter(int port, const traffic& what) : link_(port), window_(what.window) {
        amqp_confirm_select(link_.get(), channel_number);
        link_.must("confirms");
        how_._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
        how_.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    }

    void put(std::string_view body) override {
        link_.must(amqp_basic_publish(link_.get(), channel_number, amqp_empty_bytes, octets(queue_name), 0, 0,
                                      &how_, octets(body)),
                   "put");
        open_.insert(++last_);
        while (hear({0, 0})) {
        }
        await(window_ == 1 ? 0 : window_ - 1);
    }
    void flush() override { await(0); }

private:
    void await(std::size_t most) {
        while (open_.size() > most) {
            if (!hear({60, 0})) link_.fail("no confirms");
        }
    }

    /// One confirm; false when none has come within that time.
    bool hear(timeval patience) {
        amqp_frame_t frame;
        amqp_maybe_release_buffers(link_.get());
        const auto how = amqp_simple_wait_frame_noblock(link_.get(), &frame, &patience);
        if (how == AMQP_STATUS_TIMEOUT) return false;
        link_.must(how, "confirms");
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
            link_.fail("a put was refused");
        const auto* ack = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded);
        if (ack->multiple != 0) {
            open_.erase(open_.begin(), open_.upper_bound(ack->delivery_tag));
        } else {
            open_.erase(ack->delivery_tag);
        }
        return true;
    }

    rabbit_link link_;
    amqp_basic_properties_t how_{};
    const std::size_t window_;
    std::set<std::uint64_t> open_;
    std::uint64_t last_ = 0;
};

class rabbit_taker final : public taker {
public:
    explicit rabbit_taker(int port) : link_(port) {
        amqp_basic_qos(link_.get(), channel_number, 0, most_unacked, 0);
        link_.must("prefetch");
        amqp_basic_consume(link_.get(), channel_number, octets(queue_name), amqp_empty_bytes, 0, 0, 0,
                           amqp_empty_table);
        link_.must("consume");
    }

    std::size_t take(const look& each) override {
        std::size_t taken = 0;
        std::uint64_t last = 0;
        timeval patience{0, 50'000};
        for (; taken < most_unacked / 4; patience = {0, 0}) {
            amqp_envelope_t got;
            amqp_maybe_release_buffers(link_.get());
            const auto how = amqp_consume_message(link_.get(), &got, &patience, 0);
            if (how.reply_type != AMQP_RESPONSE_NORMAL) {
                if (how.library_error != AMQP_STATUS_TIMEOUT) link_.fail("take");
                break;
            }
            each({static_cast<const char*>(got.message.body.bytes), got.message.body.len});
            last = got.delivery_tag;
            amqp_destroy_envelope(&got);
            ++taken;
        }
        if (taken > 0) link_.must(amqp_basic_ack(link_.get(), channel_number, last, 1), "ack");
        return taken;
    }
    void finish() override {
        // The server answers in order, so it has read the acks.
        amqp_channel_close(link_.get(), channel_number, AMQP_REPLY_SUCCESS);
        link_.must("acks");
    }

private:
    rabbit_link link_;
};

std::vector<std::string> environment(const std::string& directory, int port, int names_port,
                                     int distribution_port) {
    const auto text = [](int n) { return std::to_string(n); };
    return {"HOME=" + directory,
            "RABBITMQ_NODENAME=leat-bench@localhost",
            "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
            "RABBITMQ_NODE_PORT=" + text(port),
            "RABBITMQ_DIST_PORT=" + text(distribution_port),
            "ERL_EPMD_PORT=" + text(names_port),
            "RABBITMQ_MNESIA_BASE=" + directory + "/data",
            "RABBITMQ_LOG_BASE=" + directory + "/log",
            "RABBITMQ_LOGS=-",
            "RABBITMQ_CONFIG_FILE=" + directory + "/none",
            "RABBITMQ_ADVANCED_CONFIG_FILE=" + directory + "/none",
            "RABBITMQ_CONF_ENV_FILE=" + directory + "/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE=" + directory + "/none"};
}

class rabbit_running final : public running_server {
public:
    rabbit_running(const std::string& kind, const std::string& directory)
        : port_(free_port()),
          names_port_(free_port()),
          names_({.words = {"epmd", "-d", "-address", "127.0.0.1", "-port", std::to_string(names_port_)},
                  .ready = "epmd running"}),
          server_({.words = {server_program},
                   .environment = environment(directory, port_, names_port_, free_port()),
                   .ready = "Server startup complete"}) {
        const rabbit_link link{port_};
        amqp_table_entry_t type{};
        type.key = octets("x-queue-type");
        type.value.kind = AMQP_FIELD_KIND_UTF8;
        type.value.value.bytes = octets(kind);
        constexpr amqp_boolean_t no = 0, durable = 1;
        amqp_queue_declare(link.get(), channel_number, octets(queue_name), no, durable, no, no, {1, &type});
        link.must("queue");
    }
    std::unique_ptr<putter> producer(const traffic& what) override {
        return std::make_unique<rabbit_putter>(port_, what);
    }
    std::unique_ptr<taker> consumer() override { return std::make_unique<rabbit_taker>(port_); }
    std::vector<pid_t> processes() const override { return server_.processes(); }

private:
    const int port_, names_port_;
    const program names_, server_;
};

}  // namespace

bool rabbit_available() {
    return installed(server_program) && installed("epmd");
}

contender rabbit_durable(const std::string& kind) {
    return {"RabbitMQ " + kind, kind == "classic" ? 45'000.0 : 40'000.0,
            [=](const std::string& directory) { return std::make_unique<rabbit_running>(kind, directory); }};
}

}  // namespace bench

#include "raw.hpp"

#include <zmq.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench::raw {
namespace {

void must(bool done, const char* what) {
    if (done) return;
    std::fprintf(stderr, "bench: %s: %s\n", what, zmq_strerror(zmq_errno()));
    std::_Exit(1);
}

void* open(void* context, int type, marks m) {
    void* s = zmq_socket(context, type);
    must(s != nullptr, "zmq_socket");
    zmq_setsockopt(s, ZMQ_SNDHWM, &m.send, sizeof m.send);
    zmq_setsockopt(s, ZMQ_RCVHWM, &m.receive, sizeof m.receive);
    return s;
}

std::string bind_any(void* s) {
    must(zmq_bind(s, "tcp://127.0.0.1:*") == 0, "zmq_bind");
    std::array<char, 128> text{};
    std::size_t size = text.size();
    must(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, text.data(), &size) == 0, "ZMQ_LAST_ENDPOINT");
    return text.data();
}

}  // namespace

socket::socket(int type, marks m) : context_(zmq_ctx_new()), socket_(open(context_, type, m)) {}

socket::~socket() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
}

std::string socket::bind() {
    return bind_any(socket_);
}

void socket::connect(const std::string& to) {
    must(zmq_connect(socket_, to.c_str()) == 0, "zmq_connect");
}

void socket::send(const void* data, std::size_t size) {
    zmq_msg_t m;
    zmq_msg_init_size(&m, size);
    std::memcpy(zmq_msg_data(&m), data, size);
    must(zmq_msg_send(&m, socket_, 0) >= 0, "zmq_msg_send");
}

void proxy(marks m, const void* user, void (*told)(const void*, const std::string&, const std::string&)) {
    void* context = zmq_ctx_new();
    void* in = open(context, ZMQ_PULL, m);
    void* out = open(context, ZMQ_PUSH, m);
    const auto from = bind_any(in);
    const auto to = bind_any(out);
    told(user, from, to);
    zmq_proxy(in, out, nullptr);
    std::_Exit(0);
}

}  // namespace bench::raw

#include <leat/reqrep/detail/frames.hpp>

#include <leat/detail/tsan.hpp>

#include <zmq.h>

#include <cerrno>

namespace leat::detail {

int send_frame(void* zmq, message& m, bool more) {
    before_send();
    while (zmq_msg_send(m.handle(), zmq, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0) {
        if (zmq_errno() != EINTR) return zmq_errno();
    }
    m.taken();
    return 0;
}

int receive_frame(void* zmq, message& m) {
    while (zmq_msg_recv(m.handle(), zmq, ZMQ_DONTWAIT) < 0) {
        if (zmq_errno() != EINTR) return zmq_errno();
    }
    after_receive();
    return 0;
}

int frames::receive(void* zmq) {
    too_many_ = false;
    size_ = 0;
    if (const int failure = receive_frame(zmq, all_[0]); failure != 0) return failure;
    size_ = 1;
    while (all_[size_ - 1].more()) {
        if (size_ == most) too_many_ = true;
        const auto at = too_many_ ? most - 1 : size_++;
        if (const int failure = receive_frame(zmq, all_[at]); failure != 0) return failure;
    }
    return 0;
}

}  // namespace leat::detail

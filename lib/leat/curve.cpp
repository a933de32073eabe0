#include <leat/curve.hpp>

#include <leat/error.hpp>

#include <zmq.h>

#include <array>

namespace leat {

bool has_curve() noexcept {
    return zmq_has("curve") == 1;
}

curve_keys curve_keys::generate() {
    constexpr std::size_t z85_key_and_null = 41;
    std::array<char, z85_key_and_null> public_key{}, secret_key{};
    if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
        throw error{errc::bad_option, "curve: this libzmq was built without CURVE"};
    }
    return {public_key.data(), secret_key.data()};
}

}  // namespace leat

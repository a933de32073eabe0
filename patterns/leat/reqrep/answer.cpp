#include <leat/reqrep/answer.hpp>

namespace leat {

std::string_view to_string(call_status how) noexcept {
    switch (how) {
        case call_status::answered:
            return "answered";
        case call_status::failed:
            return "failed";
        case call_status::timed_out:
            return "timed out";
        case call_status::cancelled:
            return "cancelled";
        case call_status::no_server:
            return "no server";
        case call_status::peer_lost:
            return "peer lost";
        case call_status::busy:
            return "busy";
        case call_status::closed:
            return "closed";
    }
    return "unknown";
}

std::string describe(call_status how, const call_failure& why) {
    if (how != call_status::failed) return std::string{to_string(how)};
    return "failed: " + why.text + " (" + std::to_string(why.code) + ")";
}

}  // namespace leat

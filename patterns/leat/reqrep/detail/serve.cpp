#include <leat/reqrep/detail/serve.hpp>

#include <leat/reqrep/detail/reply_core.hpp>

namespace leat::detail {

running_replier::running_replier(context& ctx, reply_options options, untyped_handler run)
    : core_(std::make_shared<reply_core>(ctx, std::move(options), std::move(run))) {
    core_->begin();
}

running_replier::~running_replier() {
    static_cast<void>(core_->stop(core_->options().stop_within));
}

bool running_replier::stop(deadline until) {
    return core_->stop(until);
}
const endpoints& running_replier::bound() const noexcept {
    return core_->bound();
}
std::size_t running_replier::open_requests() const {
    return core_->open_requests();
}
const reply_counts& running_replier::counts() const noexcept {
    return core_->counts();
}
monitor& running_replier::peers() const noexcept {
    return core_->peers();
}

std::string text_of_bad_request(decode_error why) {
    return "the request is not of the expected type: " + std::string{to_string(why)};
}

}  // namespace leat::detail

#include <leat/context.hpp>

#include <leat/detail/context_state.hpp>
#include <leat/error.hpp>

namespace leat {

context::context(context_options options)
    : state_(std::make_shared<detail::context_state>(std::move(options))) {}

context::~context() {
    state_->close(state_->close_deadline());
}

close_report context::close(deadline until) {
    return state_->close(until);
}

loop& context::background() {
    return *state_->shared_background();  // which the state holds on to
}

std::shared_ptr<loop> context::shared_background() {
    return state_->shared_background();
}

std::shared_ptr<void> context::attached(std::type_index what, std::shared_ptr<void> (*make)()) {
    return state_->attached(what, make);
}

void context::warn(const std::string& text) const {
    state_->warn(text);
}
std::function<void(const std::string&)> context::warner() const {
    return [state = state_](const std::string& text) { state->warn(text); };
}

}  // namespace leat

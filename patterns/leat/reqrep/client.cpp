#include <leat/reqrep/client.hpp>

#include <leat/reqrep/detail/call_core.hpp>

namespace leat {
namespace {

/// A call that its stop token can cancel has to let go of the token's callback when it ends.
class stoppable : public detail::completion {
public:
    stoppable(std::unique_ptr<completion> inner) : completion(inner->anywhere()), inner_(std::move(inner)) {}

    void run(answer<bytes>&& how) override {
        const std::shared_ptr<hook> last = std::exchange(hook_, nullptr);
        inner_->run(std::move(how));
    }

    struct hook {
        std::optional<std::stop_callback<std::function<void()>>> on_stop;
    };
    std::shared_ptr<hook> hook_ = std::make_shared<hook>();

private:
    std::unique_ptr<completion> inner_;
};

}  // namespace

/// Closes the core with the last copy of the client.
struct client::owner {
    owner(context& ctx, request_options options)
        : core(std::make_shared<detail::call_core>(ctx, std::move(options))) {
        core->begin();
    }
    ~owner() {
        core->close(call_status::cancelled);
        core->retire();
    }
    owner(const owner&) = delete;
    owner& operator=(const owner&) = delete;

    const std::shared_ptr<detail::call_core> core;
};

client::client(context& ctx, request_options options)
    : owner_(std::make_shared<owner>(ctx, std::move(options))) {}

answer<bytes> client::call_bytes(std::string_view method, bytes&& body, deadline until,
                                 const call_options& how) {
    return owner_->core->call(detail::call_kind::request, method, std::move(body), until, how);
}

call_id client::start(std::string_view method, bytes&& body, deadline until, const call_options& how,
                      std::unique_ptr<detail::completion> done) {
    if (!how.stop.stop_possible())
        return owner_->core->start(method, std::move(body), until, how, std::move(done));
    auto wrapped = std::make_unique<stoppable>(std::move(done));
    const auto hook = wrapped->hook_;
    const auto id = owner_->core->start(method, std::move(body), until, how, std::move(wrapped));
    // The hook may outlive the call by a moment: cancelling a call that has ended does nothing.
    if (id != 0) {
        hook->on_stop.emplace(how.stop, [weak = std::weak_ptr{owner_->core}, id] {
            if (const auto core = weak.lock()) core->cancel(id);
        });
    }
    return id;
}

bool client::cancel(call_id id) {
    return owner_->core->cancel(id);
}

answer<std::chrono::nanoseconds> client::ping(deadline until) {
    const auto began = deadline::clock::now();
    const auto end = owner_->core->call(detail::call_kind::ping, {}, {}, until, {});
    if (end.why() == call_status::failed) return end.failure();
    if (!end) return end.why();
    return answer<std::chrono::nanoseconds>{deadline::clock::now() - began};
}

status client::wait_ready(std::size_t servers, deadline until) {
    return owner_->core->wait_ready(servers, until);
}
void client::close() {
    owner_->core->close(call_status::cancelled);
}
std::size_t client::in_flight() const {
    return owner_->core->in_flight();
}
std::size_t client::servers() const {
    return owner_->core->servers();
}
const call_counts& client::counts() const noexcept {
    return owner_->core->counts();
}
const request_options& client::options() const noexcept {
    return owner_->core->options();
}
const endpoints& client::bound() const noexcept {
    return owner_->core->bound();
}

call_failure client::undecodable(decode_error why) {
    return {static_cast<std::int32_t>(reply_code::bad_answer),
            "the reply is not of the expected type: " + std::string{to_string(why)}};
}

}  // namespace leat

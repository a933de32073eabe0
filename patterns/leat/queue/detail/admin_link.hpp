#pragma once

#include <leat/queue/detail/client_link.hpp>
#include <leat/queue/queue_admin.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace leat::detail {

/// A session of those who look into a queue and steer it: questions, each with its answer.
class admin_link final : public client_link {
public:
    admin_link(context& ctx, const endpoint& at, const admin_options& options)
        : client_link(ctx, {at, (options.check(), options.queue), wire::role::admin, options.socket}) {}

    /// Sends `question` once there is a session, and again in a new one if `again`. Waits for the answer.
    /// @throws leat::error (`errc::connect_failed`) when the queue lets nobody like us in
    template <class Question, class Answer>
    [[nodiscard]] leat::status ask(Question question, Answer& answer, message& body, bool again,
                                   deadline until) {
        open_question one;
        one.again = again;
        one.send = [this, &question] { return send(question) > 0; };
        one.take = [&answer](auto header) { return wire::read(header, answer); };
        one.body = &body;
        return wait(question.token, static_cast<wire::command>(answer.at.what), one, until);
    }

    void close() { close_link(); }

protected:
    bool welcomed(const wire::welcome& frame) override;
    void session_ended() override;
    bool received(wire::command what, std::span<const std::byte> header, message& body) override;
    void refused(const wire::error& frame) override;
    void ended() override {}

private:
    enum class phase { unsent, sent, answered, broken };
    struct open_question {
        std::function<bool()> send;
        std::function<bool(std::span<const std::byte>)> take;
        message* body = nullptr;
        wire::command expects = {};
        bool again = false;
        phase is = phase::unsent;
    };

    [[nodiscard]] leat::status wait(std::uint64_t& token, wire::command expects, open_question& one,
                                    deadline until);
    void send_unsent();

    std::map<std::uint64_t, open_question*> open_;  ///< By token; of the threads that wait.
    std::uint64_t last_token_ = 0;
    std::string refusal_;  ///< Why there is no session.
};

}  // namespace leat::detail

#pragma once

#include <leat/message.hpp>
#include <leat/reqrep/answer.hpp>

namespace leat::detail {

/// What becomes of a call that nobody waits for. `run` is called once, without locks; on the context's loop
/// unless `anywhere`.
class completion {
public:
    explicit completion(bool anywhere) : anywhere_(anywhere) {}
    virtual ~completion() = default;
    completion(const completion&) = delete;
    completion& operator=(const completion&) = delete;

    virtual void run(answer<bytes>&& how) = 0;

    [[nodiscard]] bool anywhere() const noexcept { return anywhere_; }

private:
    const bool anywhere_;
};

}  // namespace leat::detail

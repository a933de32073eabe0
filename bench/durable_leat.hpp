#pragma once

#include "contender.hpp"

namespace bench {

/// leat's durable queue, run by leat-bench-host.
class leat_server final : public running_server {
public:
    explicit leat_server(const std::string& directory);

    [[nodiscard]] std::unique_ptr<putter> producer(const traffic& what) override;
    [[nodiscard]] std::unique_ptr<taker> consumer() override;
    [[nodiscard]] std::vector<pid_t> processes() const override { return host_.processes(); }

    /// What the queue said of its opening.
    [[nodiscard]] double opened_in_ms() const { return opened_in_ms_; }

private:
    program host_;
    std::string at_;
    double opened_in_ms_ = 0;
};

[[nodiscard]] contender leat_durable();

}  // namespace bench

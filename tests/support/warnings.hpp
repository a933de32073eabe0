#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace support {

/// Collects what a context tells `on_warning`, on whatever thread. A copy shares what it collects.
class warnings {
public:
    void operator()(const std::string& text) const {
        const std::lock_guard lock{all_->mutex};
        all_->lines.push_back(text);
    }

    [[nodiscard]] std::vector<std::string> lines() const {
        const std::lock_guard lock{all_->mutex};
        return all_->lines;
    }

    /// The first line that contains `text`, or an empty one.
    [[nodiscard]] std::string about(const std::string& text) const {
        for (const auto& line : lines()) {
            if (line.find(text) != std::string::npos) return line;
        }
        return {};
    }

private:
    struct shared {
        std::mutex mutex;
        std::vector<std::string> lines;
    };
    std::shared_ptr<shared> all_ = std::make_shared<shared>();
};

}  // namespace support

#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace leat::detail {

/// The context's callback thread: runs what users want to be told, one after the other, off the loop. Starts
/// on first need. What has not run when it ends is dropped.
class callback_runner {
public:
    callback_runner() = default;
    ~callback_runner();
    callback_runner(const callback_runner&) = delete;
    callback_runner& operator=(const callback_runner&) = delete;

    void post(std::function<void()> task);

private:
    struct shared {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::function<void()>> tasks;
        bool ended = false;
    };
    const std::shared_ptr<shared> shared_ = std::make_shared<shared>();
    std::thread thread_;
};

}  // namespace leat::detail

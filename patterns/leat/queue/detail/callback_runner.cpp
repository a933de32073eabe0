#include <leat/queue/detail/callback_runner.hpp>

namespace leat::detail {

callback_runner::~callback_runner() {
    {
        const std::lock_guard lock{shared_->mutex};
        shared_->ended = true;
    }
    shared_->changed.notify_all();
    if (!thread_.joinable()) return;
    // The last one to let go of the context may be a callback.
    if (thread_.get_id() == std::this_thread::get_id()) {
        thread_.detach();
    } else {
        thread_.join();
    }
}

void callback_runner::post(std::function<void()> task) {
    const std::lock_guard lock{shared_->mutex};
    if (!thread_.joinable()) {
        thread_ = std::thread{[own = shared_] {
            std::vector<std::function<void()>> tasks;
            for (;;) {
                {
                    std::unique_lock held{own->mutex};
                    own->changed.wait(held, [&] { return own->ended || !own->tasks.empty(); });
                    if (own->ended) return;
                    tasks.swap(own->tasks);
                }
                for (auto& one : tasks) one();
                tasks.clear();
            }
        }};
    }
    shared_->tasks.push_back(std::move(task));
    shared_->changed.notify_one();
}

}  // namespace leat::detail

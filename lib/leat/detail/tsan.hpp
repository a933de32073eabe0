#pragma once

// ThreadSanitizer cannot see how libzmq orders one thread's send before another thread's receive. These notes
// tell it; they are nothing in any other build. One tag for all messages: races between unrelated messages
// may go unseen.

#if defined(__SANITIZE_THREAD__)
#define LEAT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LEAT_TSAN 1
#endif
#endif

#ifdef LEAT_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace leat::detail {

#ifdef LEAT_TSAN
inline char message_order;
inline void before_send() noexcept {
    __tsan_release(&message_order);
}
inline void after_receive() noexcept {
    __tsan_acquire(&message_order);
}
#else
inline void before_send() noexcept {}
inline void after_receive() noexcept {}
#endif

}  // namespace leat::detail

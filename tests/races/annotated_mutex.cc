// Tells ThreadSanitizer of the locks that it cannot see: the system's Abseil was built without it. What is defined here
// comes before the library's, and calls that.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"

namespace absl {
ABSL_NAMESPACE_BEGIN
namespace {

using Function = void (*)(Mutex*);
using WaitFunction = void (*)(CondVar*, Mutex*);

template <typename Pointer = Function>
Pointer OfLibrary(const char* symbol) {
  return reinterpret_cast<Pointer>(dlsym(RTLD_NEXT, symbol));
}

}  // namespace

void Mutex::Lock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const Function lock = OfLibrary("_ZN4absl7debian35Mutex4LockEv");
  __tsan_mutex_pre_lock(this, 0);
  lock(this);
  __tsan_mutex_post_lock(this, 0, 0);
}

void Mutex::Unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const Function unlock = OfLibrary("_ZN4absl7debian35Mutex6UnlockEv");
  __tsan_mutex_pre_unlock(this, 0);
  unlock(this);
  __tsan_mutex_post_unlock(this, 0);
}

// Unlocks within the library, where it locks again.
void CondVar::Wait(Mutex* mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto wait = OfLibrary<WaitFunction>("_ZN4absl7debian37CondVar4WaitEPNS0_5MutexE");
  __tsan_mutex_pre_unlock(mutex, 0);
  __tsan_mutex_post_unlock(mutex, 0);
  wait(this, mutex);
  __tsan_mutex_pre_lock(mutex, 0);
  __tsan_mutex_post_lock(mutex, 0, 0);
}

ABSL_NAMESPACE_END
}  // namespace absl

#include "cli/threads.h"

#include <omp.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "absl/strings/str_cat.h"

namespace nibble::cli {
namespace {

void* WaitFor(void* flag) {
  static_cast<std::atomic<bool>*>(flag)->wait(false);
  return nullptr;
}

// Whether so many more threads can be there at once. They allocate nothing: memory that the allocator keeps for a
// thread stays when that has ended.
bool HasRoomFor(int threads) {
  std::atomic<bool> all_there = false;
  std::vector<pthread_t> started;
  started.reserve(threads);
  pthread_t thread;
  while (started.size() < threads && pthread_create(&thread, nullptr, WaitFor, &all_there) == 0) {
    started.push_back(thread);
  }
  all_there = true;
  all_there.notify_all();
  for (const pthread_t each : started) pthread_join(each, nullptr);
  return started.size() == threads;
}

}  // namespace

int ThreadsBeside(int processes) {
  if (processes == 1) return 0;
  const int share = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)) / processes;
  return std::clamp(share, 1, omp_get_max_threads());
}

absl::Status StartThreads(int threads) {
  const int count = threads > 0 ? threads : omp_get_max_threads();
  if (!HasRoomFor(count)) {
    return absl::ResourceExhaustedError(absl::StrCat("--threads: expected room for ", count,
                                                     ", found too little memory or too low a limit; use fewer"));
  }
  std::atomic<int> started = 0;
#pragma omp parallel num_threads(count)
  ++started;
  return absl::OkStatus();
}

}  // namespace nibble::cli

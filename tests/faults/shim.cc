// Preloaded into a program (LD_PRELOAD), makes one of its system calls or allocations fail.
//
//   FAULT=CALL:N:HOW  the Nth call (1, 2, ...) of CALL fails. HOW: a number is errno; `short` transfers half of the
//   bytes;
//                     `stop` and `kill` send the program SIGSTOP or SIGKILL before.
//   FAULT_COUNTS=FILE at a regular end: a line "CALL COUNT" for each.
//
// Calls: the functions below; of allocations those of kLarge bytes or more.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

constexpr size_t kLarge = 16 << 10;

enum Call { kRead, kWrite, kSync, kRename, kReserve, kResize, kOpen, kRemove, kAllocate, kCalls };
constexpr const char* kNames[kCalls] = {"read",   "write", "sync",   "rename",  "reserve",
                                        "resize", "open",  "remove", "allocate"};
constexpr int kNone = 0, kShort = -1, kStop = -2, kKill = -3;

std::atomic<long> counts[kCalls];
int fault_call = -1, fault_how = kNone;
long fault_at = 0;

__attribute__((constructor)) void ReadFault() {
  const char* text = getenv("FAULT");
  if (text == nullptr) return;
  char name[32], how[32];
  if (sscanf(text, "%31[^:]:%ld:%31s", name, &fault_at, how) != 3) return;
  for (int i = 0; i < kCalls; ++i) {
    if (strcmp(name, kNames[i]) == 0) fault_call = i;
  }
  fault_how = strcmp(how, "short") == 0  ? kShort
              : strcmp(how, "stop") == 0 ? kStop
              : strcmp(how, "kill") == 0 ? kKill
                                         : atoi(how);
}

__attribute__((destructor)) void WriteCounts() {
  const char* path = getenv("FAULT_COUNTS");
  FILE* file = path == nullptr ? nullptr : fopen(path, "w");
  if (file == nullptr) return;
  for (int i = 0; i < kCalls; ++i) fprintf(file, "%s %ld\n", kNames[i], counts[i].load());
  fclose(file);
}

// How this call is to fail: errno, kShort or kNone.
int Fault(Call call) {
  if (++counts[call] != fault_at || call != fault_call) return kNone;
  if (fault_how != kStop && fault_how != kKill) return fault_how;
  raise(fault_how == kStop ? SIGSTOP : SIGKILL);
  return kNone;
}

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// One that returns 0, or -1 and errno.
template <typename Function, typename... Arguments>
int Pass(Call call, const char* name, Arguments... arguments) {
  const int how = Fault(call);
  if (how > 0) {
    errno = how;
    return -1;
  }
  return Real<Function>(name)(arguments...);
}

template <typename Function, typename Pointer>
ssize_t Transfer(Call call, const char* name, int fd, Pointer bytes, size_t size, off_t offset) {
  const int how = Fault(call);
  if (how > 0) {
    errno = how;
    return -1;
  }
  return Real<Function>(name)(fd, bytes, how == kShort ? (size + 1) / 2 : size, offset);
}

bool Refused(size_t size) {
  if (size < kLarge || Fault(kAllocate) == kNone) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

ssize_t pread(int fd, void* bytes, size_t size, off_t offset) {
  return Transfer<decltype(&pread)>(kRead, "pread", fd, bytes, size, offset);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return Transfer<decltype(&pwrite)>(kWrite, "pwrite", fd, bytes, size, offset);
}
int fsync(int fd) { return Pass<decltype(&fsync)>(kSync, "fsync", fd); }
int renameat2(int from_fd, const char* from, int to_fd, const char* to, unsigned flags) noexcept {
  return Pass<decltype(&renameat2)>(kRename, "renameat2", from_fd, from, to_fd, to, flags);
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
  return Pass<decltype(&fallocate)>(kReserve, "fallocate", fd, mode, offset, size);
}
int ftruncate(int fd, off_t size) noexcept { return Pass<decltype(&ftruncate)>(kResize, "ftruncate", fd, size); }
int remove(const char* path) noexcept { return Pass<decltype(&remove)>(kRemove, "remove", path); }
int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return Pass<int (*)(const char*, int, mode_t)>(kOpen, "open", path, flags, mode);
}

void* malloc(size_t size) noexcept { return Refused(size) ? nullptr : __libc_malloc(size); }
void* calloc(size_t count, size_t size) noexcept {
  return Refused(count * size) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) noexcept { return Refused(size) ? nullptr : __libc_realloc(old, size); }
void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return Refused(size) ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) noexcept {
  void* bytes = Refused(size) ? nullptr : __libc_memalign(alignment, size);
  if (bytes == nullptr) return ENOMEM;
  *out = bytes;
  return 0;
}

}  // extern "C"

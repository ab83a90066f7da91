// What nibble uses of NCCL, loaded while the program runs: no header of it is needed to build, and a machine need not
// have it. The names and numbers are those of nccl.h, unchanged since 2.14 (nccl_header_test).
#ifndef NIBBLE_DEVICE_CUDA_NCCL_H_
#define NIBBLE_DEVICE_CUDA_NCCL_H_

#include <cstddef>
#include <string>

#include "device/cuda/library.h"

namespace nibble::cuda {

struct NcclComm;  // ncclComm
struct NcclUniqueId {
  char internal[128];
};  // ncclUniqueId

enum NcclResult : int { kNcclSuccess = 0, kNcclInProgress = 7 };  // ncclResult_t; all others are errors
inline constexpr int kNcclFloat32 = 7;                            // ncclDataType_t
inline constexpr int kNcclFirstVersion = 21400;                   // that has a config: 2.14.0

// ncclConfig_t as of 2.14. Later versions take it, by its version, and have their defaults for the rest.
struct NcclConfig {
  size_t size = sizeof(NcclConfig);
  unsigned int magic = 0xcafebeef;
  unsigned int version = kNcclFirstVersion;
  int blocking = 0;  // calls return at once, and GetAsyncError tells when they are done: so that no wait is for ever
};

// Calls take the host's current GPU; streams are cudaStream_t.
struct Nccl {
  explicit Nccl(const std::string& file) : library(file) {
    library.Find("ncclGetVersion", get_version);
    library.Find("ncclGetUniqueId", get_unique_id);
    library.Find("ncclCommInitRankConfig", comm_init_rank_config);
    library.Find("ncclCommGetAsyncError", comm_get_async_error);
    library.Find("ncclCommAbort", comm_abort);
    library.Find("ncclGroupStart", group_start);
    library.Find("ncclGroupEnd", group_end);
    library.Find("ncclSend", send);
    library.Find("ncclRecv", recv);
    library.Find("ncclGetErrorString", get_error_string);
  }

  Library library;
  NcclResult (*get_version)(int* version);
  NcclResult (*get_unique_id)(NcclUniqueId* id);
  NcclResult (*comm_init_rank_config)(NcclComm** comm, int count, NcclUniqueId id, int rank, NcclConfig* config);
  NcclResult (*comm_get_async_error)(NcclComm* comm, NcclResult* error);
  NcclResult (*comm_abort)(NcclComm* comm);
  NcclResult (*group_start)();
  NcclResult (*group_end)();
  NcclResult (*send)(const void* from, size_t count, int type, int peer, NcclComm* comm, void* stream);
  NcclResult (*recv)(void* to, size_t count, int type, int peer, NcclComm* comm, void* stream);
  const char* (*get_error_string)(NcclResult result);
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_NCCL_H_

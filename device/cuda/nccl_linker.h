// GPUs of one machine that send to one another by NCCL (https://docs.nvidia.com/deeplearning/nccl): over NVLink where
// there is one. Of NCCL nothing but ncclSend and ncclRecv is used: the order of its own sums is not ours.
#ifndef NIBBLE_DEVICE_CUDA_NCCL_LINKER_H_
#define NIBBLE_DEVICE_CUDA_NCCL_LINKER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "device/cuda/nccl.h"
#include "device/device_link.h"

namespace nibble::cuda {

// A GPU, and the queue of its operations. NCCL takes streams as the CUDA runtime has them, and is all that looks at
// this one: so what is here needs no CUDA.
struct GpuQueue {
  std::string gpu;                                          // an id that no other one of the machine has
  void* stream = nullptr;                                   // cudaStream_t
  std::function<void()> make_current = [] {};               // for the thread that calls
  std::function<absl::StatusOr<bool>()> is_done = nullptr;  // whether all that was queued is
  absl::Status is_open;                                     // whether other GPUs may reach into its memory
};

// The host's name, and since when it is up: what NCCL knows a machine by too.
std::string ThisMachine();

class NcclLinker : public DeviceLinker {
 public:
  NcclLinker(GpuQueue queue, std::string file, std::string machine = ThisMachine());

  absl::StatusOr<LinkPlace> Place() override;
  // REQUIRES: Place() was OK, here and below.
  absl::StatusOr<std::string> NewKey() override;
  absl::StatusOr<std::unique_ptr<DeviceLink>> Join(const LinkMember& member, GivenUp given_up) override;

 private:
  const GpuQueue queue_;
  const std::string file_, machine_;
  std::optional<Nccl> nccl_;  // once it has been looked for
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_NCCL_LINKER_H_

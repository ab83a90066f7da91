// For tests: choices of a GPU whose kernels run on the host. Without cuBLAS, so that what they compute of a row does
// not depend on how many rows there are.
#ifndef NIBBLE_PIPELINE_GPU_ON_HOST_H_
#define NIBBLE_PIPELINE_GPU_ON_HOST_H_

#include "device/make_device.h"

namespace nibble {

DeviceChoice GpuOnHost();
DeviceChoice LinkedGpuOnHost();  // to all others; the test has //device/cuda:libfake_nccl.so in its data
DeviceChoice GpuThatGetsLost();  // soon after it has begun

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_GPU_ON_HOST_H_

// The formats' kernels, by themselves: they take nvcc longer than all others together.
#include "device/cuda/codecs.h"
#include "device/cuda/cuda_backend.h"

namespace nibble::cuda {

template const Codec<CudaDevice>& CodecOf<CudaDevice>(const BlockFormat& format);

}  // namespace nibble::cuda

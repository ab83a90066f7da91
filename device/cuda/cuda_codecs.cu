// The formats' kernels, by themselves: they take nvcc longer than all others together.
#include "device/cuda/codec_kernels.h"
#include "device/cuda/launcher.h"

namespace nibble::cuda {

template const Codec<StreamLauncher>& CodecOf<StreamLauncher>(const BlockFormat& format);

}  // namespace nibble::cuda

// From one block to a run of them: what the format table's functions do around a format's own.
//
// A Block is a trivially copyable struct laid out as in the file, with kElements values. Runs may start at any address.
#ifndef NIBBLE_QUANT_BLOCK_BLOCK_RUN_H_
#define NIBBLE_QUANT_BLOCK_BLOCK_RUN_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quant/block/lanes.h"
#include "quant/block/normalized.h"
#include "quant/block/rows.h"

namespace nibble {

static_assert(std::endian::native == std::endian::little, "block structs are the bytes of the file");

#include "quant/block/block_run.inc"

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_BLOCK_RUN_H_

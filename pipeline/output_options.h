// Where an output goes.
#ifndef NIBBLE_PIPELINE_OUTPUT_OPTIONS_H_
#define NIBBLE_PIPELINE_OUTPUT_OPTIONS_H_

#include <cstdint>
#include <string>

namespace nibble {

struct OutputOptions {
  std::string path;
  bool force = false;
  uint64_t max_shard_bytes = 5'000'000'000;  // of a folder: where its files are cut
  int threads = 0;                           // 0: all
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_OPTIONS_H_

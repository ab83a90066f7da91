// Where an output goes.
#ifndef NIBBLE_PIPELINE_OUTPUT_OPTIONS_H_
#define NIBBLE_PIPELINE_OUTPUT_OPTIONS_H_

#include <string>

namespace nibble {

struct OutputOptions {
  std::string path;
  bool force = false;
  int threads = 0;  // 0: all
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_OPTIONS_H_

// What quantization is told of the activations that weights meet.
#ifndef NIBBLE_PIPELINE_CALIBRATION_OPTIONS_H_
#define NIBBLE_PIPELINE_CALIBRATION_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace nibble {

// Texts, or an importance matrix, or neither.
struct CalibrationOptions {
  std::vector<std::string> texts;  // the texts themselves, run in turn
  uint32_t ctx = 512;              // tokens of a window
  uint32_t chunks = 128;           // windows of all texts together; 0: all that they have
  std::string imatrix_path;        // empty: none
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_OPTIONS_H_

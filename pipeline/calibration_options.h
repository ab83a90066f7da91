// What quantization is told of the activations that weights meet.
#ifndef NIBBLE_PIPELINE_CALIBRATION_OPTIONS_H_
#define NIBBLE_PIPELINE_CALIBRATION_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "device/make_device.h"
#include "pipeline/text_file.h"
#include "pipeline/work_space.h"

namespace nibble {

// Texts, and which windows of them are run.
struct CalibrationTexts {
  std::vector<TextFile> files;  // one text, with an empty line between two files
  uint32_t ctx = 512;           // tokens of a window
  uint32_t chunks = 128;        // windows; 0: all that there are
  uint64_t seed = 0;            // 0: the first ones, as llama-imatrix takes them; else which ones, in the text's order

  DeviceChoice device;  // that runs them

  bool empty() const { return files.empty(); }
};

// Texts, or an importance matrix, or neither.
struct CalibrationOptions {
  CalibrationTexts texts;
  std::string imatrix_path;  // empty: none
  // Whatever the method, tell how far predictions on held-out windows are from the original's (CalibrationReport.kld).
  bool judge = false;
  bool scale_channels = true;  // LinearOptions::scale_channels
  WorkSpace work;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_OPTIONS_H_

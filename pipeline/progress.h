// How a job tells how far it is. Jobs print nothing: the command line shows this.
#ifndef NIBBLE_PIPELINE_PROGRESS_H_
#define NIBBLE_PIPELINE_PROGRESS_H_

#include <cstdint>
#include <optional>
#include <string>

namespace nibble {

// What a device has done of a job so far.
struct DeviceLoad {
  std::string name;       // "cpu", "cuda"
  double busy_share = 0;  // of the time since the job began, 0..1
  double flops = 0;       // a second of that share
};

struct ProgressUpdate {
  std::string stage;   // "quantize", "layer 3/32"
  std::string detail;  // tensor or window; may be empty
  uint64_t done = 0;   // in `unit`s, of the whole job
  uint64_t total = 0;
  const char* unit = "B";                           // "B" for bytes read from the source, "tok" for tokens
  std::optional<DeviceLoad> device = std::nullopt;  // that the job has, if any
};

// Called from one thread at a time, as often as the job likes: the receiver throttles.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void Update(const ProgressUpdate& update) = 0;
  virtual void Warn(const std::string& message) = 0;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_PROGRESS_H_

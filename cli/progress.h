// Shows how far a job is, on stderr: a bar that redraws itself, plain lines now and then, JSON lines, or nothing.
#ifndef NIBBLE_CLI_PROGRESS_H_
#define NIBBLE_CLI_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "pipeline/progress.h"

namespace nibble::cli {

enum class ProgressStyle { kBar, kPlain, kJson, kNone };

// What a job has done since its first update: a resumed one did not begin at nothing.
struct Pace {
  double seconds = 0;
  uint64_t done = 0;    // in the update's unit
  uint64_t memory = 0;  // that the process has now; 0: not known
};

// One update as text: stage, share, throughput, time left, how busy the device was so far, memory, detail. BarLine is
// at most `columns` wide, none ends in a newline.
std::string BarLine(const ProgressUpdate& update, const Pace& pace, int columns);
std::string PlainLine(const ProgressUpdate& update, const Pace& pace);
std::string JsonLine(const ProgressUpdate& update, const Pace& pace);

class ProgressPrinter : public Progress {
 public:
  struct Options {
    ProgressStyle style = ProgressStyle::kPlain;
    bool show_warnings = true;
    bool colored = false;
    std::function<void(absl::string_view)> write;  // to stderr
    std::function<double()> now;                   // seconds of a clock that only goes forward
    std::function<uint64_t()> memory;              // that the process has now
    std::function<int()> columns;                  // of the terminal; asked for by kBar alone
  };

  explicit ProgressPrinter(Options options) : options_(std::move(options)) {}

  // Shows a job's first update, the one that completes it, and in between one per interval of the style. Another unit
  // or total, or less done than before, is another job.
  void Update(const ProgressUpdate& update) override;
  void Warn(const std::string& message) override;

  // A line for people: how fast it was. Not shown by kNone.
  void Note(const std::string& message);

  int warnings() const { return warnings_; }  // shown or not

  // Takes the bar away, before something else is written to the terminal.
  void Clear();

 private:
  void ShowMessage(absl::string_view kind, const std::string& message);

  bool IsOfThisJob(const ProgressUpdate& update) const;

  Options options_;
  int warnings_ = 0;
  bool bar_is_visible_ = false;
  // Of the job:
  std::optional<ProgressUpdate> last_;
  uint64_t first_done_ = 0;
  bool completed_ = false;
  double start_ = 0;
  double last_shown_ = 0;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PROGRESS_H_

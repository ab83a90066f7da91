// Shows how far a job is, on stderr: a bar that redraws itself, plain lines now and then, JSON lines, or nothing.
#ifndef NIBBLE_CLI_PROGRESS_H_
#define NIBBLE_CLI_PROGRESS_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "pipeline/progress.h"

namespace nibble::cli {

enum class ProgressStyle { kBar, kPlain, kJson, kNone };

// One update as text, `seconds` after the first one; BarLine is at most `columns` wide, none ends in a newline.
std::string BarLine(const ProgressUpdate& update, double seconds, int columns);
std::string PlainLine(const ProgressUpdate& update, double seconds);
std::string JsonLine(const ProgressUpdate& update, double seconds);

class ProgressPrinter : public Progress {
 public:
  struct Options {
    ProgressStyle style = ProgressStyle::kPlain;
    bool show_warnings = true;
    std::function<void(absl::string_view)> write;  // to stderr
    std::function<double()> now;                   // seconds of a clock that only goes forward
    std::function<int()> columns;                  // of the terminal; asked for by kBar alone
  };

  explicit ProgressPrinter(Options options) : options_(std::move(options)) {}

  // Shows the first update, the one that completes the job, and in between one per interval of the style.
  void Update(const ProgressUpdate& update) override;
  void Warn(const std::string& message) override;

  // A line for people: how fast it was. Not shown by kNone.
  void Note(const std::string& message);

  // Takes the bar away, before something else is written to the terminal.
  void Clear();

 private:
  void ShowMessage(absl::string_view kind, const std::string& message);

  Options options_;
  bool started_ = false;
  bool completed_ = false;
  bool bar_is_visible_ = false;
  double start_ = 0;
  double last_shown_ = 0;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PROGRESS_H_

#include "cli/progress.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/json_writer.h"
#include "cli/printable.h"
#include "cli/terminal.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

constexpr absl::string_view kEraseLine = "\r\x1b[K";
constexpr absl::string_view kWarning = "warning";

double Share(const ProgressUpdate& update) {
  return update.total == 0 ? 0 : std::min(1.0, static_cast<double>(update.done) / static_cast<double>(update.total));
}

// Nothing until it can be told.
std::optional<double> PerSecond(const Pace& pace) {
  if (pace.done == 0 || pace.seconds <= 0) return std::nullopt;
  return static_cast<double>(pace.done) / pace.seconds;
}

std::optional<double> SecondsLeft(const ProgressUpdate& update, const Pace& pace) {
  const std::optional<double> rate = PerSecond(pace);
  if (!rate || update.done >= update.total) return std::nullopt;
  return static_cast<double>(update.total - update.done) / *rate;
}

// " 42%  12.5 MiB/s  0:12 left  cuda 91%  memory 1.20 GiB"
std::string Figures(const ProgressUpdate& update, const Pace& pace) {
  std::string text = absl::StrFormat("%3d%%", static_cast<int>(Share(update) * 100));
  const std::string unit = update.unit;
  if (const std::optional<double> rate = PerSecond(pace)) {
    absl::StrAppend(&text, "  ", unit == "B" ? FormatSize(*rate) : absl::StrCat(FormatCount(*rate), " ", unit), "/s");
  }
  if (const std::optional<double> left = SecondsLeft(update, pace)) {
    absl::StrAppend(&text, "  ", FormatSeconds(*left), " left");
  }
  if (update.device) absl::StrAppendFormat(&text, "  %s %.0f%%", update.device->name, 100 * update.device->busy_share);
  if (pace.memory > 0) absl::StrAppend(&text, "  memory ", FormatSize(pace.memory));
  return text;
}

// A short bar leaves the tensor's name in sight.
int BarCells(int columns) { return std::clamp(columns - 72, 8, 24); }

double Interval(ProgressStyle style) {
  switch (style) {
    case ProgressStyle::kBar:
      return 0.1;
    case ProgressStyle::kPlain:
      return 5;
    case ProgressStyle::kJson:
      return 1;
    case ProgressStyle::kNone:
      break;
  }
  return INFINITY;
}

}  // namespace

std::string BarLine(const ProgressUpdate& update, const Pace& pace, int columns) {
  const int cells = BarCells(columns), full = static_cast<int>(Share(update) * cells);
  std::string line = absl::StrCat(Printable(update.stage), "  [", std::string(full, '#'),
                                  std::string(cells - full, '-'), "] ", Figures(update, pace));
  if (!update.detail.empty()) absl::StrAppend(&line, "  ", Printable(update.detail));
  return std::string(Cut(line, std::max(columns, 0)));
}

std::string PlainLine(const ProgressUpdate& update, const Pace& pace) {
  std::string line = absl::StrCat(Printable(update.stage), " ", Figures(update, pace));
  if (!update.detail.empty()) absl::StrAppend(&line, "  ", Printable(update.detail));
  return line;
}

std::string JsonLine(const ProgressUpdate& update, const Pace& pace) {
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.BeginObject();
  json.Key("stage").String(update.stage);
  json.Key("detail").String(update.detail);
  json.Key("done").Number(update.done);
  json.Key("total").Number(update.total);
  json.Key("unit").String(update.unit);
  json.Key("seconds").Number(pace.seconds);
  if (const std::optional<double> rate = PerSecond(pace)) json.Key("per_second").Number(*rate);
  if (const std::optional<double> left = SecondsLeft(update, pace)) json.Key("seconds_left").Number(*left);
  if (pace.memory > 0) json.Key("memory_bytes").Number(pace.memory);
  if (update.device) {
    json.Key("device").String(update.device->name);
    json.Key("device_share").Number(update.device->busy_share);
    json.Key("tflop_per_second").Number(update.device->flops / 1e12);
  }
  json.EndObject();
  return json.Take();
}

bool ProgressPrinter::IsOfThisJob(const ProgressUpdate& update) const {
  return last_ && absl::string_view(update.unit) == last_->unit && update.total == last_->total &&
         update.done >= last_->done;
}

void ProgressPrinter::Update(const ProgressUpdate& update) {
  if (options_.style == ProgressStyle::kNone) return;
  const double now = options_.now();
  const bool is_first = !IsOfThisJob(update);
  if (is_first) {
    start_ = now;
    first_done_ = update.done;
    completed_ = false;
  }
  last_ = update;
  const bool completes = update.total > 0 && update.done >= update.total && !completed_;
  if (!is_first && !completes && now - last_shown_ < Interval(options_.style)) return;
  completed_ |= completes;
  last_shown_ = now;

  const Pace pace = {.seconds = now - start_, .done = update.done - first_done_, .memory = options_.memory()};
  switch (options_.style) {
    case ProgressStyle::kBar:
      // The last column stays free: a terminal may wrap the line when it is filled.
      options_.write(absl::StrCat(kEraseLine, BarLine(update, pace, options_.columns() - 1)));
      bar_is_visible_ = true;
      break;
    case ProgressStyle::kPlain:
      options_.write(PlainLine(update, pace) + "\n");
      break;
    case ProgressStyle::kJson:
      options_.write(JsonLine(update, pace) + "\n");
      break;
    case ProgressStyle::kNone:
      break;
  }
}

void ProgressPrinter::Warn(const std::string& message) {
  ++warnings_;
  if (options_.show_warnings) ShowMessage(kWarning, message);
}

void ProgressPrinter::Note(const std::string& message) {
  if (options_.style != ProgressStyle::kNone) ShowMessage("note", message);
}

void ProgressPrinter::ShowMessage(absl::string_view kind, const std::string& message) {
  Clear();
  if (options_.style == ProgressStyle::kJson) {
    JsonWriter json(JsonWriter::Layout::kOneLine);
    json.BeginObject();
    json.Key(kind).String(message);
    json.EndObject();
    options_.write(json.Take() + "\n");
  } else {
    const std::string label = absl::StrCat(kind, ":");
    options_.write(absl::StrCat("nibble: ", kind == kWarning ? Paint(Ink::kWarning, label, options_.colored) : label,
                                " ", PrintableMessage(message), "\n"));
  }
}

void ProgressPrinter::Clear() {
  if (bar_is_visible_) options_.write(kEraseLine);
  bar_is_visible_ = false;
}

}  // namespace nibble::cli

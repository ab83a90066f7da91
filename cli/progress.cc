#include "cli/progress.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/json_writer.h"
#include "cli/printable.h"
#include "cli/units.h"

namespace nibble::cli {
namespace {

constexpr absl::string_view kEraseLine = "\r\x1b[K";
constexpr int kBarCells = 24;

double Share(const ProgressUpdate& update) {
  return update.total == 0 ? 0 : std::min(1.0, static_cast<double>(update.done) / static_cast<double>(update.total));
}

// Per second since the start; nothing until it can be told.
std::optional<double> Rate(const ProgressUpdate& update, double seconds) {
  if (update.done == 0 || seconds <= 0) return std::nullopt;
  return static_cast<double>(update.done) / seconds;
}

std::optional<double> SecondsLeft(const ProgressUpdate& update, double seconds) {
  const std::optional<double> rate = Rate(update, seconds);
  if (!rate || update.done >= update.total) return std::nullopt;
  return static_cast<double>(update.total - update.done) / *rate;
}

// "  42%  12.5 MiB/s  0:12 left"
std::string Figures(const ProgressUpdate& update, double seconds) {
  std::string text = absl::StrFormat("%3d%%", static_cast<int>(Share(update) * 100));
  const std::string unit = update.unit;
  if (const std::optional<double> rate = Rate(update, seconds)) {
    absl::StrAppend(&text, "  ", unit == "B" ? FormatSize(*rate) : absl::StrCat(FormatCount(*rate), " ", unit), "/s");
  }
  if (const std::optional<double> left = SecondsLeft(update, seconds)) {
    absl::StrAppend(&text, "  ", FormatSeconds(*left), " left");
  }
  return text;
}

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

std::string BarLine(const ProgressUpdate& update, double seconds, int columns) {
  const int full = static_cast<int>(Share(update) * kBarCells);
  std::string line = absl::StrCat(Printable(update.stage), "  [", std::string(full, '#'),
                                  std::string(kBarCells - full, '-'), "] ", Figures(update, seconds));
  if (!update.detail.empty()) absl::StrAppend(&line, "  ", Printable(update.detail));
  return std::string(Cut(line, std::max(columns, 0)));
}

std::string PlainLine(const ProgressUpdate& update, double seconds) {
  std::string line = absl::StrCat(Printable(update.stage), " ", Figures(update, seconds));
  if (!update.detail.empty()) absl::StrAppend(&line, "  ", Printable(update.detail));
  return line;
}

std::string JsonLine(const ProgressUpdate& update, double seconds) {
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.BeginObject();
  json.Key("stage").String(update.stage);
  json.Key("detail").String(update.detail);
  json.Key("done").Number(update.done);
  json.Key("total").Number(update.total);
  json.Key("unit").String(update.unit);
  json.Key("seconds").Number(seconds);
  if (const std::optional<double> left = SecondsLeft(update, seconds)) json.Key("seconds_left").Number(*left);
  json.EndObject();
  return json.Take();
}

void ProgressPrinter::Update(const ProgressUpdate& update) {
  if (options_.style == ProgressStyle::kNone) return;
  const double now = options_.now();
  if (!started_) start_ = now;
  const bool completes = update.total > 0 && update.done >= update.total && !completed_;
  if (started_ && !completes && now - last_shown_ < Interval(options_.style)) return;
  started_ = true;
  completed_ |= completes;
  last_shown_ = now;

  const double seconds = now - start_;
  switch (options_.style) {
    case ProgressStyle::kBar:
      // The last column stays free: a terminal may wrap the line when it is filled.
      options_.write(absl::StrCat(kEraseLine, BarLine(update, seconds, options_.columns() - 1)));
      bar_is_visible_ = true;
      break;
    case ProgressStyle::kPlain:
      options_.write(PlainLine(update, seconds) + "\n");
      break;
    case ProgressStyle::kJson:
      options_.write(JsonLine(update, seconds) + "\n");
      break;
    case ProgressStyle::kNone:
      break;
  }
}

void ProgressPrinter::Warn(const std::string& message) {
  if (options_.show_warnings) ShowMessage("warning", message);
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
    options_.write(absl::StrCat("nibble: ", kind, ": ", Printable(message), "\n"));
  }
}

void ProgressPrinter::Clear() {
  if (bar_is_visible_) options_.write(kEraseLine);
  bar_is_visible_ = false;
}

}  // namespace nibble::cli

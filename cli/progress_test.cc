#include "cli/progress.h"

#include <gtest/gtest.h>

#include <vector>

#include "cli/printable.h"

namespace nibble::cli {
namespace {

ProgressUpdate At(uint64_t done, const char* unit = "B") {
  return {.stage = "quantize", .detail = "blk.0.attn_q.weight", .done = done, .total = 4096, .unit = unit};
}

TEST(ProgressLines, TellThroughputAndTimeLeft) {
  EXPECT_EQ(PlainLine(At(0), {}), "quantize   0%  blk.0.attn_q.weight");
  const Pace pace = {.seconds = 2, .done = 1024};
  EXPECT_EQ(PlainLine(At(1024), pace), "quantize  25%  512 B/s  0:06 left  blk.0.attn_q.weight");
  EXPECT_EQ(PlainLine(At(1024, "tok"), pace), "quantize  25%  512 tok/s  0:06 left  blk.0.attn_q.weight");
  EXPECT_EQ(BarLine(At(2048), {.seconds = 2, .done = 2048, .memory = 3 << 20}, 200),
            "quantize  [############------------]  50%  1.0 KiB/s  0:02 left  memory 3.0 MiB  blk.0.attn_q.weight");
  EXPECT_EQ(JsonLine(At(1024), {.seconds = 2, .done = 1024, .memory = 4096}),
            R"({"stage": "quantize", "detail": "blk.0.attn_q.weight", "done": 1024, "total": 4096, "unit": "B", )"
            R"("seconds": 2, "per_second": 512, "seconds_left": 6, "memory_bytes": 4096})");
}

TEST(ProgressLines, TellOfTheDevice) {
  ProgressUpdate update = At(1024);
  update.device = DeviceLoad{.name = "cuda", .busy_share = 0.906, .flops = 42.5e12};
  const Pace pace = {.seconds = 2, .done = 1024, .memory = 3 << 20};
  EXPECT_EQ(PlainLine(update, pace),
            "quantize  25%  512 B/s  0:06 left  cuda 91%  memory 3.0 MiB  blk.0.attn_q.weight");
  EXPECT_NE(JsonLine(update, pace).find(R"(, "device": "cuda", "device_share": 0.906, "tflop_per_second": 42.5})"),
            std::string::npos)
      << JsonLine(update, pace);
}

TEST(ProgressLines, SurviveOddFigures) {
  ProgressUpdate update = At(5000);  // more than the total
  EXPECT_EQ(BarLine(update, {.seconds = 1}, 60).find("[########] 100%"), 10u);
  update.total = 0;
  EXPECT_NE(PlainLine(update, {.seconds = 1}).find("  0%"), std::string::npos);
  update.detail = "evil\n\x1b[2J";
  EXPECT_EQ(PlainLine(update, {.seconds = 1}).find('\n'), std::string::npos);
  EXPECT_EQ(PlainLine(update, {.seconds = 1}).find('\x1b'), std::string::npos);
}

TEST(ProgressLines, BarFitsTheTerminal) {
  for (const int columns : {0, 1, 20, 79})
    EXPECT_LE(Columns(BarLine(At(100), {.seconds = 1, .done = 100, .memory = 5 << 20}, columns)), columns);
}

class PrinterTest : public testing::Test {
 protected:
  ProgressPrinter Printer(ProgressStyle style, bool show_warnings = true) {
    return ProgressPrinter({.style = style,
                            .show_warnings = show_warnings,
                            .write = [this](absl::string_view text) { written_.emplace_back(text); },
                            .now = [this] { return now_; },
                            .memory = [] { return uint64_t{1} << 20; },
                            .columns = [] { return 80; }});
  }

  double now_ = 100;
  std::vector<std::string> written_;
};

TEST_F(PrinterTest, ThrottlesButShowsFirstAndLast) {
  const struct {
    ProgressStyle style;
    double interval;
  } cases[] = {{ProgressStyle::kBar, 0.1}, {ProgressStyle::kPlain, 5}, {ProgressStyle::kJson, 1}};
  for (const auto& c : cases) {
    written_.clear();
    ProgressPrinter printer = Printer(c.style);
    printer.Update(At(0));
    EXPECT_EQ(written_.size(), 1u) << "the first at once";
    for (int i = 1; i < 100; ++i) printer.Update(At(i));
    EXPECT_EQ(written_.size(), 1u) << "no time has passed";
    now_ += c.interval * 1.01;
    printer.Update(At(200));
    EXPECT_EQ(written_.size(), 2u);
    printer.Update(At(4096));
    EXPECT_EQ(written_.size(), 3u) << "the last at once";
    printer.Update(At(4096));
    EXPECT_EQ(written_.size(), 3u) << "but only once";
  }
}

TEST(ProgressLines, CountTheTimeLeftFromWhereTheJobBegan) {
  EXPECT_EQ(PlainLine(At(3072), {.seconds = 1, .done = 512}), "quantize  75%  512 B/s  0:02 left  blk.0.attn_q.weight");
}

// A bar on a terminal of the usual width still tells which tensor it is.
TEST(ProgressLines, TheBarLeavesRoomForTheTensor) {
  const std::string line = BarLine(At(1024), {.seconds = 2, .done = 1024, .memory = 900 << 20}, 79);
  EXPECT_NE(line.find("memory 900.0 MiB  blk.0.att"), std::string::npos) << line;
}

TEST_F(PrinterTest, EveryJobHasItsOwnPace) {
  const ProgressUpdate others[] = {
      {.stage = "b", .detail = "", .done = 0, .total = 4096, .unit = "tok"},  // another unit
      {.stage = "b", .detail = "", .done = 100, .total = 500, .unit = "B"},   // another total
      {.stage = "b", .detail = "", .done = 100, .total = 4096, .unit = "B"},  // less done
  };
  for (const ProgressUpdate& other : others) {
    written_.clear();
    ProgressPrinter printer = Printer(ProgressStyle::kPlain);
    printer.Update(At(0));
    now_ += 1000;
    printer.Update(At(4096));
    printer.Update(other);
    ASSERT_EQ(written_.size(), 3u) << "its first at once";
    now_ += 10;
    ProgressUpdate later = other;
    later.done += 100;
    printer.Update(later);
    ASSERT_EQ(written_.size(), 4u);
    EXPECT_NE(written_[3].find("  10"), std::string::npos) << written_[3];
    EXPECT_NE(written_[3].find("/s  "), std::string::npos) << written_[3];
    later.done = later.total;
    printer.Update(later);
    EXPECT_EQ(written_.size(), 5u) << "its last at once";
  }
}

TEST_F(PrinterTest, CountsWarnings) {
  ProgressPrinter printer = Printer(ProgressStyle::kNone, /*show_warnings=*/false);
  EXPECT_EQ(printer.warnings(), 0);
  printer.Warn("a");
  printer.Warn("b");
  EXPECT_EQ(printer.warnings(), 2);
}

TEST_F(PrinterTest, NoneIsSilentButWarns) {
  ProgressPrinter printer = Printer(ProgressStyle::kNone);
  printer.Update(At(0));
  EXPECT_TRUE(written_.empty());
  printer.Warn("a\nb");
  printer.Note("3 tok/s");
  EXPECT_EQ(written_, std::vector<std::string>{"nibble: warning: a\\nb\n"});
}

TEST_F(PrinterTest, QuietDoesNotWarn) {
  Printer(ProgressStyle::kNone, /*show_warnings=*/false).Warn("never seen");
  EXPECT_TRUE(written_.empty());
}

TEST_F(PrinterTest, BarMakesRoomForOtherText) {
  ProgressPrinter printer = Printer(ProgressStyle::kBar);
  printer.Clear();
  EXPECT_TRUE(written_.empty()) << "nothing to erase yet";
  printer.Update(At(0));
  printer.Warn("careful");
  ASSERT_EQ(written_.size(), 3u);
  EXPECT_EQ(written_[1], "\r\x1b[K");
  EXPECT_EQ(written_[2], "nibble: warning: careful\n");
}

TEST_F(PrinterTest, JsonWarningsAreJson) {
  Printer(ProgressStyle::kJson).Warn("careful");
  EXPECT_EQ(written_, std::vector<std::string>{"{\"warning\": \"careful\"}\n"});
}

}  // namespace
}  // namespace nibble::cli

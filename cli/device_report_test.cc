#include "cli/device_report.h"

#include <gtest/gtest.h>

#include <string>

#include "cli/device_use_fixture.h"
#include "cli/json_writer.h"

namespace nibble::cli {
namespace {

TEST(DeviceText, BesideThePeaks) {
  DeviceUse use = MakeDeviceUse();
  EXPECT_EQ(DeviceText(use), "cuda (NVIDIA H200): at work 75 % of 16.0 s, 42.7 of 989 TFLOP/s, 2000 of 4800 GB/s");
  use.clear_peak_flops();
  use.clear_peak_bytes();
  EXPECT_EQ(DeviceText(use), "cuda (NVIDIA H200): at work 75 % of 16.0 s, 42.7 TFLOP/s, 2000 GB/s");
  use.set_device("cpu\n");
  for (DeviceStage& stage : *use.mutable_stages()) {
    stage.set_flops(stage.flops() / 1024);
    stage.set_busy_seconds(0);
  }
  EXPECT_EQ(DeviceText(use), "cpu\\n: at work 0 % of 16.0 s, 0 TFLOP/s, 0 GB/s");
}

TEST(DeviceText, NothingWithoutADevice) {
  EXPECT_EQ(DeviceText({}), "");
  EXPECT_EQ(DeviceLines({}), "");
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.BeginObject();
  WriteDeviceUse({}, json);
  json.EndObject();
  EXPECT_EQ(json.Take(), "{}");
}

TEST(DeviceLines, TellOfTheLongestStages) {
  DeviceUse use = MakeDeviceUse();
  EXPECT_EQ(DeviceLines(use),
            "  device           cuda (NVIDIA H200): at work 75 % of 16.0 s, 42.7 of 989 TFLOP/s, 2000 of 4800 GB/s\n"
            "  by stage         attention 100 % of 8.0 s, load 50 % of 7.0 s, other 50 % of 1.0 s\n");
  for (const char* name : {"a", "b", "c", "short"}) {
    DeviceStage* stage = use.add_stages();
    stage->set_stage(name);
    stage->set_seconds(name[0] == 's' ? 0.0625 : 2);
  }
  EXPECT_NE(DeviceLines(use).find("  by stage         attention 100 % of 8.0 s, load 50 % of 7.0 s, a 0 % of 2.0 s, "
                                  "b 0 % of 2.0 s, c 0 % of 2.0 s\n"),
            std::string::npos)
      << DeviceLines(use);
}

TEST(WriteDeviceUse, HasEveryFigure) {
  JsonWriter json(JsonWriter::Layout::kOneLine);
  json.BeginObject();
  WriteDeviceUse(MakeDeviceUse(), json);
  json.EndObject();
  EXPECT_EQ(
      json.Take(),
      R"-({"device_use": {"device": "cuda (NVIDIA H200)", "seconds": 16, "busy_seconds": 12, "share": 0.75, )-"
      R"("flops": 5.12e+14, "bytes": 2.4e+13, "tflop_per_second": 42.666666666666664, "gb_per_second": 2000, )"
      R"("peak_tflop_per_second": 989, "peak_gb_per_second": 4800, "stages": [)"
      R"({"stage": "other", "beside": false, "seconds": 1, "busy_seconds": 0.5, "share": 0.5, "flops": 0, )"
      R"("bytes": 0, "tflop_per_second": 0, "gb_per_second": 0}, )"
      R"({"stage": "attention", "beside": false, "seconds": 8, "busy_seconds": 8, "share": 1, "flops": 5.12e+14, )"
      R"("bytes": 1.6e+13, "tflop_per_second": 64, "gb_per_second": 2000}, )"
      R"({"stage": "load", "beside": false, "seconds": 7, "busy_seconds": 3.5, "share": 0.5, "flops": 0, )"
      R"("bytes": 8e+12, "tflop_per_second": 0, "gb_per_second": 2285.714285714286}, )"
      R"({"stage": "load", "beside": true, "seconds": 4, "busy_seconds": 1, "share": 0.25, "flops": 0, )"
      R"("bytes": 1e+09, "tflop_per_second": 0, "gb_per_second": 1}]}})");
}

}  // namespace
}  // namespace nibble::cli
